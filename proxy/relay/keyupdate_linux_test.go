package relay_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
)

// A client asks for key updates without end, and reads none of the answers: it must be stopped.
func TestKeyUpdatesWhoseAnswersAreNotReadAreNotHeldWithoutEnd(t *testing.T) {
	for _, name := range loopEngines {
		t.Run(name, func(t *testing.T) { tryKeyUpdates(t, name) })
	}
}

func tryKeyUpdates(t *testing.T, engine string) {
	proxytest.CheckLeaks(t)
	r := newRig(t, newEngine(t, engine), time.Second, tcpPair)
	r.pair.Client.Close()
	r.client.Close()
	lower, upper := tcpPair(t)
	// The answers meet a full socket soon, and the updates then do.
	if err := lower.(*net.TCPConn).SetReadBuffer(256 << 10); err != nil {
		t.Fatal(err)
	}
	if err := upper.(*net.TCPConn).SetWriteBuffer(256 << 10); err != nil {
		t.Fatal(err)
	}
	if err := lower.(*net.TCPConn).SetWriteBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	if err := upper.(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
		t.Fatal(err)
	}
	r.client = upper
	ca := proxytest.NewCA(t, "test")
	var secrets bytes.Buffer
	server := tls.Server(relay.NewWire(lower), &tls.Config{Certificates: []tls.Certificate{ca.Issue("server")}})
	client := tls.Client(upper, &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost", KeyLogWriter: &secrets})
	failed := make(chan error, 1)
	go func() { failed <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	if suite := client.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skipf("the test knows no %s", tls.CipherSuiteName(suite))
	}
	r.pair.Client = server
	go io.Copy(io.Discard, r.broker)
	r.start(0)
	records := newRecords(t, secrets.String())
	// An answer is 27 bytes, so that this would be a megabyte and a half of them.
	const updates = 60_000
	for i := range updates {
		// What advances the session keeps crypto/tls from calling the updates useless.
		p := append(records.seal(t, []byte{0}, 23), records.seal(t, []byte{24, 0, 0, 1, 1}, 22)...)
		records.update(t)
		// Not for long: meanwhile the kernel tries to get what found no room across, each time after twice
		// the time, and would be found asleep.
		upper.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		if _, err := upper.Write(p); err != nil {
			t.Logf("stopped after %d updates: %v", i, err)
			break
		}
		if i == updates-1 {
			t.Errorf("%d updates were taken, and nothing stopped them", updates)
		}
	}
	// Whoever reads again is served again.
	before := r.link.Stats().BytesUp
	go io.Copy(io.Discard, upper)
	proxytest.Eventually(t, "the client is read again", func() bool { return r.link.Stats().BytesUp > before })
	r.link.Kill(relay.Forced)
	r.expectCause(relay.Forced)
}

// records are a TLS 1.3 client's, from its first application data on, under AES-128-GCM.
type records struct {
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	number uint64
}

// newRecords finds the client's secret in a key log.
func newRecords(t testing.TB, keyLog string) *records {
	t.Helper()
	for line := range strings.Lines(keyLog) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(f[2])
			if err != nil {
				t.Fatal(err)
			}
			r := &records{secret: secret}
			r.key(t)
			return r
		}
	}
	t.Fatal("the key log has no secret")
	return nil
}

// expand is HKDF-Expand-Label. (RFC 8446, section 7.1)
func expand(t testing.TB, secret []byte, label string, n int) []byte {
	t.Helper()
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(append(info, byte(len(label))), label...)
	out, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *records) key(t testing.TB) {
	t.Helper()
	block, err := aes.NewCipher(expand(t, r.secret, "key", 16))
	if err != nil {
		t.Fatal(err)
	}
	if r.aead, err = cipher.NewGCM(block); err != nil {
		t.Fatal(err)
	}
	r.iv, r.number = expand(t, r.secret, "iv", 12), 0
}

// update goes on to the next secret.
func (r *records) update(t testing.TB) {
	t.Helper()
	r.secret = expand(t, r.secret, "traffic upd", sha256.Size)
	r.key(t)
}

// seal makes a record of p. (RFC 8446, section 5.2)
func (r *records) seal(t testing.TB, p []byte, kind byte) []byte {
	t.Helper()
	nonce := bytes.Clone(r.iv)
	for i := range 8 {
		nonce[4+i] ^= byte(r.number >> (56 - 8*i))
	}
	r.number++
	header := []byte{23, 3, 3, 0, byte(len(p) + 1 + r.aead.Overhead())}
	return r.aead.Seal(header, nonce, append(bytes.Clone(p), kind), header)
}
