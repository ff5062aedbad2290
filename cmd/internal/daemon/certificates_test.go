package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mqttward/proxy/proxytest"
)

// A file that is met while it is written is not put in force: what is missing of it would be an authority
// whose clients are refused, or the end of a chain without which clients refuse us.
func TestHalfOfACertificateIsAFault(t *testing.T) {
	f, second := newFleet(t), proxytest.NewCA(t, "second")
	chain, err := os.ReadFile(filepath.Join(f.dir, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	both := slices.Concat(f.ca.PEM(), second.PEM())
	f.write("ca.pem", string(both))
	text := f.listener("mqtts", withClients) + f.upstream()
	r := runReloading(t, f.dir, text)
	for name, whole := range map[string][]byte{"ca.pem": both, "cert.pem": slices.Concat(chain, second.PEM())} {
		f.write(name, string(whole))
		r.reload(text, "reloaded\"")
		f.write(name, string(whole[:len(whole)-40]))
		r.reload(text, name+" holds a block that is no PEM, or is not whole")
		r.awaitLog("not reloaded")
		for _, ca := range []*proxytest.CA{f.ca, second} {
			r.want(name+", a client of "+ca.Certificate().Subject.CommonName, "mqtts", f.client(0, ca.Issue("device")), true, false)
		}
		f.write(name, string(whole))
	}
}

// A file without content, as a full disk leaves it, is not a key that is not configured.
func TestAnEmptyPublicKeyFileIsAFault(t *testing.T) {
	f := newFleet(t)
	text := plain(f.broker.Addr()) + "[auth.jwt]\nsecret = \"0123456789abcdef\"\npublic_key_file = \"cert.pem\"\n[auth.jwt.claims]\nsub = \"%u\"\n"
	r := runReloading(t, f.dir, text)
	f.write("cert.pem", "")
	r.reload(text, "auth.jwt.public_key_file: "+filepath.Join(f.dir, "cert.pem")+": the file is empty")
	r.awaitLog("not reloaded")
}
