package main_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
)

// needHAProxy returns the path of haproxy, as needMosquitto does.
func needHAProxy(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("haproxy")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/haproxy")
	}
	switch {
	case err == nil:
	case os.Getenv("MQTTWARD_E2E") == "mosquitto":
		t.Fatalf("MQTTWARD_E2E=mosquitto, and %v", err)
	default:
		t.Skipf("haproxy is not installed: %v", err)
	}
	return path
}

// haproxy is a haproxy that passes TCP on until its test ends.
type haproxy struct {
	address string
	logFile string
}

// startHAProxy starts a haproxy on a loopback port, with options behind its bind line and behind
// that of its one server.
func startHAProxy(t testing.TB, bindOptions, server, serverOptions string) *haproxy {
	t.Helper()
	program := needHAProxy(t)
	h := &haproxy{address: proxytest.FreeAddress(t), logFile: filepath.Join(t.TempDir(), "log")}
	// The log has the client, the server name and the backend, at the end of each session.
	file := writeFile(t, "haproxy.cfg", fmt.Sprintf(`global
    log stdout format raw local0
defaults
    mode tcp
    timeout connect 5s
    timeout client 1m
    timeout server 1m
frontend f
    bind %s %s
    log global
    log-format "from=%%ci:%%cp to=%%fi:%%fp authority=%%[fc_pp_authority] ."
    default_backend b
backend b
    server s %s %s
`, h.address, bindOptions, server, serverOptions))
	log, err := os.Create(h.logFile)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-db", "-f", file)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		log.Close()
		if t.Failed() {
			t.Logf("haproxy's log:\n%s", h.log())
		}
	})
	proxytest.Eventually(t, "haproxy listens", func() bool {
		conn, err := net.DialTimeout("tcp", h.address, time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return h
}

func (h *haproxy) log() string {
	text, _ := os.ReadFile(h.logFile)
	return string(text)
}

// Behind a haproxy that sends either version, plain and below TLS, the log has the clients' own
// addresses.
func TestBehindHAProxyClientsHaveTheirAddresses(t *testing.T) {
	t.Parallel()
	needHAProxy(t)
	ca := proxytest.NewCA(t, "ward")
	cert, key := ca.IssueFiles("localhost")
	b := startEmbedded(t)
	const proxied = "proxy_protocol = %q\nproxy_protocol_trusted = [\"127.0.0.0/8\"]\n"
	for _, mode := range []string{"optional", "required"} {
		w := startWard(t, plainListener+fmt.Sprintf(proxied, mode),
			strings.Replace(tlsListener(cert, key), "[listener.tls]", fmt.Sprintf(proxied, mode)+"[listener.tls]", 1),
			upstreamAt(b.addr()), sampleTokens)
		for _, send := range []string{"send-proxy", "send-proxy-v2", "send-proxy-v2 check inter 100ms"} {
			for listener, conf := range map[string]*tls.Config{"plain": nil, "tls": {RootCAs: ca.Pool(), ServerName: "localhost"}} {
				h := startHAProxy(t, "", w.addr(listener), send)
				for i, version := range versions {
					p := profile{version: version, id: fmt.Sprintf("%s-%s-%d", mode, listener, i), tls: conf}
					before := w.log.String()
					d := connect(t, h.address, p)
					echo(d)
					told := strings.TrimPrefix(w.log.String(), before)
					// The client's end is not the proxy's: only haproxy knows it, and tells it at the end.
					d.disconnect()
					remote := field(t, told, "msg=connected", "client_id="+p.id, "remote=")
					proxytest.Eventually(t, "haproxy knows the client as "+remote, func() bool {
						return strings.Contains(h.log(), "from="+remote+" ")
					})
				}
			}
		}
		if n := w.log.lines("level=INFO", "no PROXY header"); n != 0 {
			t.Errorf("%s: haproxy's checks are logged %d times", mode, n)
		}
	}
}

// field returns a field of the one line that holds the words before it.
func field(t testing.TB, log string, words ...string) string {
	t.Helper()
	key := words[len(words)-1]
	for line := range strings.Lines(log) {
		if countLines(line, words...) == 1 {
			_, value, _ := strings.Cut(line, key)
			value, _, _ = strings.Cut(value, " ")
			return value
		}
	}
	t.Fatalf("no line with %q in\n%s", words, log)
	return ""
}

// A haproxy before the broker that accepts either version, plain and before TLS, has the clients'
// own addresses, and the server name that they asked for.
func TestHAProxyBeforeTheBrokerIsToldOfClients(t *testing.T) {
	t.Parallel()
	needHAProxy(t)
	ca := proxytest.NewCA(t, "both")
	cert, key := ca.IssueFiles("localhost")
	pem := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	both := writeFile(t, "both.pem", pem(cert)+pem(key))
	for _, b := range []broker{startEmbedded(t), startMosquitto(t)} {
		for _, version := range []string{"v1", "v2"} {
			for _, secure := range []bool{false, true} {
				bind, more := "accept-proxy", fmt.Sprintf("proxy_protocol = %q\n", version)
				if version == "v2" {
					more += "proxy_protocol_identity = true\n"
				}
				if secure {
					bind += " ssl crt " + both
					more += fmt.Sprintf("[upstream.tls]\nca_file = %q\nserver_name = \"localhost\"\n", ca.File())
				}
				h := startHAProxy(t, bind, b.addr(), "")
				w := startWard(t, plainListener, tlsListener(cert, key), upstreamAt(h.address)+more, sampleTokens+"identity_claim = \"name\"\n")
				for listener, conf := range map[string]*tls.Config{"plain": nil, "tls": {RootCAs: ca.Pool(), ServerName: "localhost"}} {
					p := profile{version: "5.0", id: "out-" + listener, tls: conf}
					d := connect(t, w.addr(listener), p)
					echo(d)
					d.disconnect()
					remote := field(t, w.log.String(), "msg=connected", "client_id="+p.id, "remote=")
					authority := "-"
					if version == "v2" && conf != nil {
						authority = "localhost"
					}
					want := fmt.Sprintf("from=%s to=%s authority=%s .", remote, w.addr(listener), authority)
					proxytest.Eventually(t, want, func() bool { return strings.Contains(h.log(), want) })
				}
			}
		}
	}
}

// A load balancer whose servers are gone takes connections all the same, and closes them: nobody is
// refused while there is another address.
func TestALoadBalancerWithoutServersGivesWay(t *testing.T) {
	t.Parallel()
	h := startHAProxy(t, "", proxytest.FreeAddress(t), "disabled")
	b := startEmbedded(t)
	w := startWard(t, plainListener, upstreamAt(h.address, b.addr()), sampleTokens)
	for i := range 8 { // by their ids about half of them have the first address for their own
		for _, version := range versions {
			echo(connect(t, w.addr("plain"), profile{version: version, id: fmt.Sprintf("d%d-%s", i, version)}))
		}
	}
	if got := w.log.lines(`msg="the upstream address fails"`, h.address, "before it answered the CONNECT"); got != 1 {
		t.Errorf("%d lines say that the load balancer fails, want 1", got)
	}
}
