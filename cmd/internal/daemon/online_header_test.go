package daemon

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"mqttward/proxy/proxytest"
)

// headed is a listener before a broker that demands a PROXY header of version 1, and knows no other.
func headed(t *testing.T, broker string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				from := bufio.NewReader(conn)
				if begin, _ := from.Peek(6); string(begin) != "PROXY " {
					return
				}
				_, _ = from.ReadString('\n')
				up, err := net.Dial("tcp", broker)
				if err != nil {
					return
				}
				defer up.Close()
				go func() { _, _ = io.Copy(conn, up) }()
				_, _ = io.Copy(up, from)
			}()
		}
	}()
	return l.Addr().String()
}

// A broker that closes since the connection does not begin as it should looks like a broken one.
func TestExamineFindsOutHowConnectionsMustBegin(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	ca, dir := proxytest.NewCA(t, "authority"), t.TempDir()
	cert, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	proxytest.WriteFiles(t, ca.Issue("127.0.0.1"), cert, key)
	const demands = "proxy_protocol = \"required\"\nproxy_protocol_trusted = [\"127.0.0.1\"]\n"
	secure := fmt.Sprintf("[[listener]]\nname = \"mqtts\"\nbind = \"127.0.0.1:0\"\n"+demands+"[listener.tls]\ncert_file = %q\nkey_file = %q\n", cert, key)
	// Another mqttward in the broker's place.
	r := run(t, strings.Replace(plain(b.Addr()), "[upstream]", demands+secure+"[upstream]", 1))
	inClear, inTLS := r.Addr("mqtt").String(), r.Addr("mqtts").String()
	tlsConf := fmt.Sprintf("[upstream.tls]\nca_file = %q\n", ca.File())
	with := func(address, header string) string {
		return strings.Replace(plain(address), "[upstream]", "[upstream]\nproxy_protocol = "+header, 1)
	}
	for _, tc := range []struct{ name, conf, want string }{
		{"wanted", with(inClear, `"off"`), `; behind a header of the PROXY protocol it does: write proxy_protocol = "v2" in [upstream]`},
		{"wanted, before TLS", with(inTLS, `"off"`) + tlsConf, `; behind a header of the PROXY protocol it does: write proxy_protocol = "v2" in [upstream]`},
		{"there", with(inClear, `"v2"`), "accepts a client of MQTT 5.0"},
		{"there, before TLS", with(inTLS, `"v1"`) + tlsConf, "accepts a client of MQTT 5.0"},
		{"of the other version", with(headed(t, b.Addr()), "\"v2\"\nproxy_protocol_identity = true"), `; behind a header of the PROXY protocol it does: write proxy_protocol = "v1" in [upstream]`},
		{"not wanted", with(b.Addr(), `"v1"`), `; without a header of the PROXY protocol it does: write proxy_protocol = "off" in [upstream]`},
	} {
		wants(t, tc.name, examine(t, dir, tc.conf), tc.want)
	}
	none := headed(t, "127.0.0.1:1") // which answers nobody
	got := examine(t, dir, plain(none))
	if wants(t, "closes", got, "does not answer a CONNECT"); strings.Contains(got, "PROXY") {
		t.Errorf("a server that closes whatever comes: got\n%s", got)
	}
}
