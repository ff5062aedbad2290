package daemon

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"mqttward/auth/authtest"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

const withAdmin = "[admin]\nbind = \"127.0.0.1:0\"\n"

// ask asks the admin listener, with a token where there is one.
func (r *running) ask(path, token string) (status int, body string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.AdminAddr().String()+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// metric returns the value of a metric with its labels, and -1 where it is not there.
func (r *running) metric(name string) float64 {
	r.t.Helper()
	_, text := r.ask("/metrics", "")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "mqttward_"+name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSuffix(value, "\n"), 64)
			if err != nil {
				r.t.Fatalf("%s: %v", name, err)
			}
			return v
		}
	}
	return -1
}

// expectMetrics waits until the metrics have the values.
func (r *running) expectMetrics(want map[string]float64) {
	r.t.Helper()
	for name, v := range want {
		proxytest.Eventually(r.t, name+" "+strconv.FormatFloat(v, 'g', -1, 64), func() bool { return r.metric(name) == v })
	}
}

// expectReady waits until /readyz answers with the status and a text.
func (r *running) expectReady(status int, text string) {
	r.t.Helper()
	proxytest.Eventually(r.t, "readyz "+strconv.Itoa(status)+" "+text, func() bool {
		got, body := r.ask("/readyz", "")
		return got == status && strings.Contains(body, text)
	})
}

func TestMetricsOfASession(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	r := run(t, plain(b.Addr())+withAdmin)
	conn := r.dial("mqtt")
	r.expectMetrics(map[string]float64{
		`connections_total{listener="mqtt"}`:  1,
		`connections_active{listener="mqtt"}`: 1,
	})
	mustConnect(t, conn, packets.V5)
	ping(t, conn)
	up := float64(len(b.Connects()[0])) + 2
	address := `{address="` + b.Addr() + `"}`
	r.expectMetrics(map[string]float64{
		`connects_total{listener="mqtt",result="accepted",version="5.0"}`: 1,
		`upstream_connack_total{code="0x00"}`:                             1,
		`bytes_total{direction="up"}`:                                     up, // of a live session
		`bytes_total{direction="down"}`:                                   5 + 2,
		`upstream_up` + address:                                           1,
		`upstream_connections_active` + address:                           1,
		`upstream_dial_duration_seconds_count`:                            1,
		`draining`:                                                        0,
		`config_last_reload_successful`:                                   1,
	})
	ping(t, conn)
	conn.Close()
	r.expectMetrics(map[string]float64{
		`connections_active{listener="mqtt"}`:                               0,
		`connections_closed_total{listener="mqtt",reason="client_closed"}`:  1,
		`connections_closed_total{listener="mqtt",reason="upstream_reset"}`: 0,
		`upstream_connections_active` + address:                             0,
		`bytes_total{direction="up"}`:                                       up + 2, // it has ended
		`bytes_total{direction="down"}`:                                     5 + 4,
	})
}

func TestMetricsOfRefusals(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	dir := t.TempDir()
	write(t, dir+"/users", "anna:$6$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n")
	r := runReloading(t, dir, withUsers(b.Addr())+withAdmin)
	if got := r.answer("anna", "x"); got != 4 {
		t.Fatalf("got %d, want 4", got)
	}
	if got := r.answer("bert", "x"); got != 5 {
		t.Fatalf("got %d, want 5", got)
	}
	for _, text := range []string{"GET / HTTP/1.1\r\n\r\n", ""} {
		conn := r.dial("mqtt")
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	}
	want := map[string]float64{
		`connects_total{listener="mqtt",result="bad_password",version="3.1.1"}`:   1,
		`connects_total{listener="mqtt",result="no_credentials",version="3.1.1"}`: 1,
		`connects_total{listener="mqtt",result="not_mqtt",version="unknown"}`:     1,
		`connections_closed_total{listener="mqtt",reason="bad_password"}`:         1,
		`connections_closed_total{listener="mqtt",reason="not_mqtt"}`:             1,
		`connections_closed_total{listener="mqtt",reason="no_connect"}`:           1,
		`connections_active{listener="mqtt"}`:                                     0,
		`connack_sent_total{code="0x04",version="3.1.1"}`:                         1,
		`connack_sent_total{code="0x05",version="3.1.1"}`:                         1,
		`auth_total{reason="bad_password",stage="builtin",verdict="deny"}`:        1,
		`auth_total{reason="none",stage="builtin",verdict="ignore"}`:              1,
		`auth_duration_seconds_count{stage="builtin"}`:                            2,
	}
	r.expectMetrics(want)
	r.reload(r.src, "reloaded")
	r.expectMetrics(want) // no count begins anew
}

func TestMetricsOfReloads(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	text := plain(b.Addr()) + withAdmin
	r := runReloading(t, t.TempDir(), text)
	r.reload("nonsense", "not reloaded")
	r.expectMetrics(map[string]float64{"config_last_reload_successful": 0})
	r.expectReady(http.StatusOK, "ready")
	r.reload(text, "reloaded")
	r.expectMetrics(map[string]float64{"config_last_reload_successful": 1})
}

func TestMetricsOfTLS(t *testing.T) {
	settings, roots := ecdsaIdentity(t)
	r := runTLS(t, settings+withAdmin)
	conf := &tls.Config{RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	for range 2 {
		conn, err := r.handshake(conf)
		if err != nil {
			t.Fatal(err)
		}
		mustConnect(t, conn, packets.V311) // the ticket comes before it
		conn.Close()
	}
	stranger := r.dial("mqtts")
	if _, err := io.WriteString(stranger, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, stranger)
	r.expectMetrics(map[string]float64{
		`tls_handshakes_total{result="ok",resumed="false"}`:                 1,
		`tls_handshakes_total{result="ok",resumed="true"}`:                  1,
		`tls_handshakes_total{result="not_tls",resumed="false"}`:            1,
		`connections_closed_total{listener="mqtts",reason="tls_handshake"}`: 1,
	})
	if _, status := r.ask("/status?q=not_tls", ""); !strings.Contains(status, `"reason": "tls_handshake"`) || !strings.Contains(status, "TLS handshake") {
		t.Errorf("the status does not tell of the handshake:\n%s", status)
	}
	if at := r.metric(`tls_cert_not_after_timestamp_seconds{cert="listener mqtts"}`); at < 1e9 {
		t.Errorf("the certificate's end: got %v", at)
	}
}

// A key set that never came leaves nobody to judge; once it is there, clients may come.
func TestReadinessOfAKeySet(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	key := authtest.NewSigner("ES256", 7).JWK("k1")
	provider := authtest.NewProvider()
	provider.Set(authtest.Down())
	base := strings.Replace(plain(b.Addr()), "[auth]\nallow_anonymous = true\n", withAdmin, 1)
	jwks := "[auth.jwt]\njwks_url = \"" + provider.Start(t) + "\"\n"
	r := runReloading(t, t.TempDir(), base+jwks)
	r.expectReady(http.StatusServiceUnavailable, "the key set is not there")
	r.expectMetrics(map[string]float64{"jwks_keys": 0, "jwks_last_success_timestamp_seconds": 0})
	fetchesFailed := func() float64 {
		return r.metric(`jwks_fetch_total{result="status"}`) + r.metric(`jwks_fetch_total{result="unreachable"}`)
	}
	proxytest.Eventually(t, "a fetch that failed", func() bool { return fetchesFailed() > 0 })
	failed := fetchesFailed()
	for name, judge := range map[string]string{
		"secret": jwks + "secret = \"0123456789abcdef\"\n", "anonymous": "[auth]\nallow_anonymous = true\n" + jwks,
	} {
		r.reload(base+judge, "reloaded")
		if status, body := r.ask("/readyz", ""); status != http.StatusOK {
			t.Errorf("with %s beside it: got %d %q, want 200", name, status, body)
		}
	}
	provider.Set(authtest.Keys(key))
	r.reload(base+jwks, "jwks loaded")
	r.expectReady(http.StatusOK, "ready")
	r.expectMetrics(map[string]float64{"jwks_keys": 1, `jwks_fetch_total{result="ok"}`: 1})
	if n := fetchesFailed(); n < failed {
		t.Errorf("%v fetches had failed, and after the reloads %v", failed, n)
	}
}

// Clients find out that the broker is down, and nobody has to come to find out that it is back. What
// the probe, the status and the metrics say is one thing.
func TestReadinessOfTheBroker(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	r := runReloading(t, t.TempDir(), plain(b.Addr())+withAdmin)
	up := func(want string) {
		t.Helper()
		if _, status := r.ask("/status", ""); !strings.Contains(status, `"up": `+want) {
			t.Errorf("the status does not say that up is %s:\n%s", want, status)
		}
	}
	r.expectReady(http.StatusOK, "ready")
	up("true")
	b.Close()
	if got := r.answer("u", "p"); got != 3 {
		t.Fatalf("got %d without a broker, want 3", got)
	}
	r.expectReady(http.StatusServiceUnavailable, "no upstream is up")
	up("false")
	address := `{address="` + b.Addr() + `"}`
	r.expectMetrics(map[string]float64{
		`upstream_up` + address:                           0,
		`upstream_dial_errors_total{reason="refused"}`:    1,
		`upstream_dial_errors_total{reason="timeout"}`:    0,
		`connack_sent_total{code="0x03",version="3.1.1"}`: 1,
	})
	proxytest.NewBroker(t, proxytest.BrokerOptions{Addr: b.Addr()})
	r.expectReady(http.StatusOK, "ready")
	up("true")
	r.expectMetrics(map[string]float64{`upstream_up` + address: 1, `connections_total{listener="mqtt"}`: 1})
}

func TestReadinessOfANewBroker(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	r := runReloading(t, t.TempDir(), plain(b.Addr())+withAdmin)
	b.Close()
	if got := r.answer("u", "p"); got != 3 {
		t.Fatalf("got %d without a broker, want 3", got)
	}
	r.expectReady(http.StatusServiceUnavailable, "no upstream is up")
	second := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	r.reload(plain(second.Addr())+withAdmin, "reloaded")
	r.expectReady(http.StatusOK, "ready")
}

// Whoever looks sees the drain from its first moment to its end.
func TestReadinessWhileDraining(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	r := run(t, plain(b.Addr())+withAdmin+"[shutdown]\ndrain_delay = \"10m\"\n")
	r.expectReady(http.StatusOK, "ready")
	r.signals <- syscall.SIGTERM
	r.expectReady(http.StatusServiceUnavailable, "shutting down")
	r.expectMetrics(map[string]float64{"draining": 1})
	if status, _ := r.ask("/healthz", ""); status != http.StatusOK {
		t.Errorf("healthz: got %d while draining, want 200: it lives", status)
	}
	r.signals <- syscall.SIGTERM
	r.wait()
	if conn, err := net.Dial("tcp", r.AdminAddr().String()); err == nil {
		conn.Close()
		t.Error("the admin listener is open after the end")
	}
}

func TestReloadOfAdmin(t *testing.T) {
	const token = "0123456789abcdef"
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	base := plain(b.Addr())
	r := runReloading(t, t.TempDir(), base+withAdmin)
	r.reload(base+withAdmin+"token = \""+token+"\"\npprof = true\n", "reloaded")
	if status, _ := r.ask("/metrics", ""); status != http.StatusUnauthorized {
		t.Errorf("got %d without the new token, want 401", status)
	}
	if status, _ := r.ask("/debug/pprof/", token); status != http.StatusOK {
		t.Errorf("pprof: got %d, want 200", status)
	}
	// The listener stays where it is, and so must its token.
	for _, text := range []string{base + "[admin]\nbind = \"127.0.0.1:1\"\n", base} {
		r.reload(text, "a new admin.bind wants a restart")
		r.awaitLog("reloaded")
		if status, _ := r.ask("/metrics", ""); status != http.StatusUnauthorized {
			t.Errorf("got %d without the token after a new bind, want 401", status)
		}
	}
	if strings.Contains(r.log.String(), token) {
		t.Error("the token is in the log")
	}
}

func TestAdminAddressThatIsTakenIsTold(t *testing.T) {
	proxytest.CheckLeaks(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	d, err := New(parse(t, t.TempDir(), plain("127.0.0.1:1")+"[admin]\nbind = \""+taken.Addr().String()+"\"\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Listen(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "admin listener: ") {
		t.Errorf("Listen: got %v, want the admin listener's name", err)
	}
	if a := d.Addr("mqtt"); a != nil {
		t.Errorf("a listener is open at %v", a)
	}
}

// The token of a listener that others reach is wanted from the first moment.
func TestAdminOffLoopback(t *testing.T) {
	const token = "0123456789abcdef"
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	r := run(t, plain(b.Addr())+"[admin]\nbind = \"0.0.0.0:0\"\ntoken = \""+token+"\"\n")
	for path, want := range map[string]int{"/metrics": 401, "/status": 401, "/healthz": 200, "/readyz": 200} {
		if got, _ := r.ask(path, ""); got != want {
			t.Errorf("%s without the token: got %d, want %d", path, got, want)
		}
		if got, _ := r.ask(path, token); got != http.StatusOK {
			t.Errorf("%s with the token: got %d, want 200", path, got)
		}
	}
}
