package daemon

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mqttward/auth/authtest"
	"mqttward/config"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// reloading is a daemon whose configuration can be rewritten while it runs.
type reloading struct {
	*running
	dir string
	mu  sync.Mutex
	src string
}

func runReloading(t *testing.T, dir, text string) *reloading {
	t.Helper()
	r := &reloading{dir: dir, src: text}
	log := &logText{}
	load := func() (*config.Config, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return config.Parse([]byte(r.src), "c.toml", dir, config.LoadOptions{
			LookupEnv: func(string) (string, bool) { return "", false },
		})
	}
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(c, Options{Log: NewLogger(c.Log, log), Load: load})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.running = serve(t, d, log)
	return r
}

// reload rewrites the configuration, and waits until the log has told what became of it.
func (r *reloading) reload(text, told string) {
	r.t.Helper()
	r.mu.Lock()
	r.src = text
	r.mu.Unlock()
	before := len(r.log.String())
	r.signals <- syscall.SIGHUP
	proxytest.Eventually(r.t, told+" in the log", func() bool { return strings.Contains(r.log.String()[before:], told) })
}

// answer sends a 3.1.1 CONNECT and returns the code that comes back.
func (r *reloading) answer(user, password string) byte {
	r.t.Helper()
	conn := r.dial("mqtt")
	defer conn.Close()
	_, err := conn.Write(packets.AppendConnect(nil, &packets.Connect{
		Version: packets.V311, CleanStart: true, ClientID: []byte("c"),
		HasUserName: true, UserName: []byte(user), HasPassword: true, Password: []byte(password),
	}))
	if err != nil {
		r.t.Fatal(err)
	}
	connack := make([]byte, 4)
	if n, err := io.ReadFull(conn, connack); err != nil {
		r.t.Fatalf("CONNACK: got % x, %v", connack[:n], err)
	}
	return connack[3]
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ping sends a PINGREQ through a session to a broker that echoes.
func ping(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := conn.Write([]byte{0xC0, 0}); err != nil {
		t.Fatalf("the live session: %v", err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 2)); err != nil {
		t.Fatalf("the live session: %v", err)
	}
}

const jsonLog = "[log]\nformat = \"json\"\n"

// withUsers is a configuration with a users file.
func withUsers(upstream string) string {
	return strings.Replace(plain(upstream), "[auth]\nallow_anonymous = true\n", "[auth.builtin]\nusers_file = \"users\"\n", 1)
}

func TestReloadOfUsersLeavesSessionsAlone(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "users"), "alice:"+aliceHash+"\n")
	r := runReloading(t, dir, withUsers(b.Addr()))
	live := r.dial("mqtt")
	if _, err := live.Write(packets.AppendConnect(nil, &packets.Connect{Version: packets.V311, CleanStart: true, ClientID: []byte("l"),
		HasUserName: true, UserName: []byte("alice"), HasPassword: true, Password: []byte("wonderland")})); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(live, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if got := r.answer("bob", "wonderland"); got != 5 {
		t.Errorf("bob before: got %d, want 5", got)
	}
	write(t, filepath.Join(dir, "users"), "bob:"+aliceHash+"\n")
	r.reload(withUsers(b.Addr()), "reloaded")
	for user, want := range map[string]byte{"bob": 0, "alice": 5} {
		if got := r.answer(user, "wonderland"); got != want {
			t.Errorf("%s after: got %d, want %d", user, got, want)
		}
	}
	ping(t, live)
}

// A fault of any kind keeps all of the old configuration, and is told with its place.
func TestReloadThatFailsChangesNothing(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "users"), "alice:"+aliceHash+"\n")
	good := withUsers(b.Addr())
	r := runReloading(t, dir, good)
	for name, tc := range map[string]struct{ text, users, told string }{
		"syntax":       {good + "[limits\n", "", "c.toml:9"},
		"unknown key":  {good + "[limits]\nx = 1\n", "", "c.toml:9: limits.x"},
		"broken users": {good, "alice:wonderland\n", "users:1"},
		"missing file": {good + "[auth.jwt]\npublic_key_file = \"none\"\n", "", "c.toml:9: auth.jwt.public_key_file"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.users != "" {
				write(t, filepath.Join(dir, "users"), tc.users)
			}
			r.reload(tc.text, "the old configuration stays")
			if !strings.Contains(r.log.String(), tc.told) {
				t.Errorf("nothing of %q in the log:\n%s", tc.told, r.log)
			}
			if got := r.answer("alice", "wonderland"); got != 0 {
				t.Errorf("alice: got %d, want 0", got)
			}
			write(t, filepath.Join(dir, "users"), "alice:"+aliceHash+"\n")
		})
	}
	r.reload(good, "reloaded\"")
}

func TestReloadOfUpstreamLimitsClaimsAndLog(t *testing.T) {
	proxytest.CheckLeaks(t)
	first, second := proxytest.NewBroker(t, proxytest.BrokerOptions{}), proxytest.NewBroker(t, proxytest.BrokerOptions{})
	dir := t.TempDir()
	token := authtest.NewKeySigner("HS256", []byte(authtest.SampleSecret)).Sign(map[string]any{"username": "alice"})
	text := func(upstream, more string) string {
		return strings.Replace(plain(upstream), "[auth]\nallow_anonymous = true\n",
			"[auth.jwt]\nsecret = \""+authtest.SampleSecret+"\"\n"+more, 1)
	}
	r := runReloading(t, dir, text(first.Addr(), ""))
	live := r.dial("mqtt")
	_, _ = live.Write(packets.AppendConnect(nil, &packets.Connect{Version: packets.V311, CleanStart: true, ClientID: []byte("l"),
		HasUserName: true, UserName: []byte("mallory"), HasPassword: true, Password: []byte(token)}))
	if _, err := io.ReadFull(live, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}

	r.reload(text(second.Addr(), "[auth.jwt.claims]\nusername = \"%u\"\n"), "reloaded")
	if got := r.answer("mallory", token); got != 5 {
		t.Errorf("mallory with alice's token: got %d, want 5", got)
	}
	if got := r.answer("alice", token); got != 0 || second.Accepted() != 1 {
		t.Errorf("alice: got %d with %d connections to the new broker, want 0 and 1", got, second.Accepted())
	}
	ping(t, live)

	r.reload(text(second.Addr(), "[limits]\nmax_connections = 1\n"+jsonLog), `"msg":"reloaded"`)
	if got := r.answer("alice", token); got != 3 {
		t.Errorf("beyond the new limit: got %d, want 3", got)
	}
	ping(t, live)
	r.reload(text(second.Addr(), "[log]\nlevel = \"error\"\n[limits]\nmax_connections = x\n"), "the old configuration stays")
}

func TestReloadOfACertificate(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	ca := proxytest.NewCA(t, "test")
	dir := t.TempDir()
	install := func(name string) {
		cert, key := ca.IssueFiles(name)
		for from, to := range map[string]string{cert: "cert.pem", key: "key.pem"} {
			if err := os.Rename(from, filepath.Join(dir, to)); err != nil {
				t.Fatal(err)
			}
		}
	}
	install("first")
	text := strings.Replace(plain(b.Addr()), "[upstream]", "[listener.tls]\ncert_file = \"cert.pem\"\nkey_file = \"key.pem\"\n[upstream]", 1)
	r := runReloading(t, dir, text)
	shake := func() (*tls.Conn, string) {
		conn := tls.Client(r.dial("mqtt"), &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"})
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		return conn, conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	live, name := shake()
	if name != "first" {
		t.Fatalf("certificate: got %q, want the first", name)
	}
	mustConnect(t, live, packets.V5)
	r.reload(text, "reloaded")
	if strings.Contains(r.log.String(), "new TLS settings") {
		t.Error("unchanged TLS settings were replaced")
	}
	install("second")
	if _, name := shake(); name != "first" {
		t.Errorf("before the signal: got %q, want the first", name)
	}
	r.reload(text, `"reloaded"`)
	if _, name := shake(); name != "second" {
		t.Errorf("after it: got %q, want the second", name)
	}
	write(t, filepath.Join(dir, "key.pem"), "broken")
	r.reload(text, "the old configuration stays")
	if _, name := shake(); name != "second" {
		t.Errorf("with a broken key: got %q, want the second still", name)
	}
	ping(t, live)
}

func TestReloadOfListenersWantsARestart(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	r := runReloading(t, t.TempDir(), plain(b.Addr()))
	r.reload(strings.Replace(plain(b.Addr()), "127.0.0.1:0", "127.0.0.1:9", 1), "a new bind address wants a restart")
	r.reload(strings.Replace(plain(b.Addr()), "[upstream]", "reuse_port = true\n[upstream]", 1), "to share a port or not wants a restart")
	r.reload(strings.Replace(plain(b.Addr()), "mqtt", "other", 1), "a new listener wants a restart")
	r.awaitLog("the listener stays open")
	mustConnect(t, r.dial("mqtt"), packets.V311)
}

// The provider is down when the configuration is reloaded: the keys of its unchanged URL stay.
func TestReloadInAnOutageKeepsTheKeys(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	signer := authtest.NewSigner("ES256", 7)
	provider := authtest.NewProvider(signer.JWK("k1"))
	text := strings.Replace(plain(b.Addr()), "[auth]\nallow_anonymous = true\n", "[auth.jwt]\njwks_url = \""+provider.Start(t)+"\"\n", 1)
	r := runReloading(t, t.TempDir(), text)
	r.awaitLog("jwks loaded")
	provider.Set(authtest.Down())
	token := signer.SignWith(map[string]any{"kid": "k1"}, nil)
	for i := range 3 {
		r.reload(text+fmt.Sprintf("leeway = \"%ds\"\n", i), "reloaded")
		if got := r.answer("u", token); got != 0 {
			t.Errorf("reload %d: got %d, want 0", i, got)
		}
	}
	if n := provider.Requests(); n != 1 {
		t.Errorf("the provider was asked %d times, want once: the keys are fresh", n)
	}
}

// Reloads while clients come and go: no wrong verdict, and nothing is left behind.
func TestReloadsUnderLoad(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "users"), "alice:"+aliceHash+"\n")
	r := runReloading(t, dir, withUsers(b.Addr()))
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				conn, err := net.Dial("tcp", r.Addr("mqtt").String())
				if err != nil {
					t.Error(err)
					return
				}
				conn.SetDeadline(time.Now().Add(patience))
				_, _ = conn.Write(packets.AppendConnect(nil, &packets.Connect{Version: packets.V311, CleanStart: true,
					HasUserName: true, UserName: []byte("alice"), HasPassword: true, Password: []byte("wonderland")}))
				got := make([]byte, 4)
				if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, []byte{0x20, 2, 0, 0}) {
					t.Errorf("got % x, %v, want an accepting CONNACK", got, err)
				}
				conn.Close()
			}
		})
	}
	for i := range 20 {
		if i%2 == 0 {
			r.reload(withUsers(b.Addr()), "reloaded")
		} else {
			r.reload(withUsers(b.Addr())+"[nonsense]\n", "the old configuration stays")
		}
	}
	close(stop)
	clients.Wait()
}

// However many hang-ups come, and however long a reload takes, a stop is heard.
func TestStopIsHeardAmongHangupsAndDuringAReload(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	c := parse(t, t.TempDir(), plain(b.Addr()))
	log, release := &logText{}, make(chan struct{})
	loading := make(chan struct{}, 100)
	d, err := New(c, Options{Log: NewLogger(c.Log, log), Load: func() (*config.Config, error) {
		loading <- struct{}{}
		<-release
		return c, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := serve(t, d, log)
	r.signals <- syscall.SIGHUP
	<-loading
	for range 20 {
		r.signals <- syscall.SIGHUP
	}
	r.signals <- syscall.SIGTERM
	if err := r.wait(); err != nil {
		t.Errorf("Run: got %v, want nil", err)
	}
	close(release)
	if n := len(loading); n > 0 {
		t.Errorf("%d more reloads were begun beside the first", n)
	}
}

// A bind that wants a restart does not keep the listener's certificate from being renewed.
func TestReloadOfACertificateBesideANewBind(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	ca := proxytest.NewCA(t, "test")
	dir := t.TempDir()
	for _, name := range []string{"first", "second"} {
		cert, key := ca.IssueFiles(name)
		for from, to := range map[string]string{cert: name + ".pem", key: name + ".key"} {
			if err := os.Rename(from, filepath.Join(dir, to)); err != nil {
				t.Fatal(err)
			}
		}
	}
	text := func(name string) string {
		return strings.Replace(plain(b.Addr()), "[upstream]", "[listener.tls]\ncert_file = \""+name+".pem\"\nkey_file = \""+name+".key\"\n[upstream]", 1)
	}
	r := runReloading(t, dir, text("first"))
	r.reload(strings.Replace(text("second"), "127.0.0.1:0", "127.0.0.1:9", 1), "reloaded")
	r.awaitLog("a new bind address wants a restart")
	conn := tls.Client(r.dial("mqtt"), &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"})
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	if got := conn.ConnectionState().PeerCertificates[0].Subject.CommonName; got != "second" {
		t.Errorf("certificate: got %q, want the second", got)
	}
	r.reload(plain(b.Addr()), "to switch TLS on or off wants a restart")
}
