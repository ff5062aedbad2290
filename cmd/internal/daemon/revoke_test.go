package daemon

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mqttward/auth/authtest"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

const revokeOn = "[reload]\nrevoke_live = true\n"

// revoked is what a 5.0 client gets whose session is revoked: nothing but that.
var revoked = []byte{0xe0, 2, 0x98, 0}

// login makes a session of a 5.0 client.
func (r *running) login(user, password string) net.Conn {
	r.t.Helper()
	conn := r.dial("mqtt")
	if _, err := conn.Write(packets.AppendConnect(nil, &packets.Connect{Version: packets.V5, CleanStart: true, ClientID: []byte(user),
		HasUserName: true, UserName: []byte(user), HasPassword: true, Password: []byte(password)})); err != nil {
		r.t.Fatal(err)
	}
	want := packets.AppendConnack(nil, packets.V5, packets.Success, "")
	got := make([]byte, len(want))
	if n, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
		r.t.Fatalf("%s: got % x, %v; want % x", user, got[:n], err, want)
	}
	return conn
}

// expectRevoked demands that a session ends at once, within a second from begun on: much later on a
// machine that is busy, but not as late as drain_timeout or half_close_timeout would have it.
func expectRevoked(t *testing.T, who string, conn net.Conn, begun time.Time) {
	t.Helper()
	if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, revoked) || time.Since(begun) > patience/4 {
		t.Errorf("%s: got % x, %v after %v; want % x and the end within a second", who, got, err, time.Since(begun), revoked)
	}
}

// Of the users of a file, those end that are gone or have another hash, and no others, whatever else
// changed. By default nobody's session ends.
func TestReloadRevokesUsers(t *testing.T) {
	for _, on := range []bool{true, false} {
		t.Run(fmt.Sprint(on), func(t *testing.T) {
			proxytest.CheckLeaks(t)
			b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
			dir := t.TempDir()
			users := filepath.Join(dir, "users")
			write(t, users, "alice:"+aliceHash+"\nbob:"+aliceHash+"\ncarol:"+aliceHash+"\n")
			text := withUsers(b.Addr()) + "[[auth.builtin.user]]\nname = \"dave\"\npassword_hash = \"" + aliceHash + "\"\n"
			if on {
				text += revokeOn
			}
			r := runReloading(t, dir, text)
			conns := map[string]net.Conn{}
			for _, name := range []string{"alice", "bob", "carol", "dave"} {
				conns[name] = r.login(name, "wonderland")
			}
			// Bob is gone, carol has a new password, and dave has moved.
			write(t, users, "# new\neve:"+aliceHash+"\ncarol:"+strings.Replace(aliceHash, "$5X1J", "$6X1J", 1)+"\ndave:"+aliceHash+"\nalice:"+aliceHash+"\n")
			r.reload(strings.Replace(text, "[[auth.builtin.user]]\nname = \"dave\"\npassword_hash = \""+aliceHash+"\"\n", "", 1), "reloaded")
			begun := time.Now()
			ends := []string{"bob", "carol"}
			if !on {
				ends = nil
			}
			for _, name := range ends {
				expectRevoked(t, name, conns[name], begun)
				delete(conns, name)
			}
			for _, conn := range conns {
				ping(t, conn)
			}
			proxytest.Eventually(t, "as many ended as revoked", func() bool { return strings.Count(r.log.String(), `"close_reason":"revoked"`) == len(ends) })
		})
	}
}

// Where there are no built-in users any more, theirs end; tokens and anonymous clients stay.
func TestReloadRevokesAllUsersWhereTheirStageIsGone(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "users"), "alice:"+aliceHash+"\n")
	jwt := "[auth.jwt]\nsecret = \"" + authtest.SampleSecret + "\"\n" + revokeOn
	r := runReloading(t, dir, plain(b.Addr())+"[auth.builtin]\nusers_file = \"users\"\n"+jwt)
	alice, tokens := r.login("alice", "wonderland"), r.login("u", authtest.NewKeySigner("HS256", []byte(authtest.SampleSecret)).Sign(nil))
	anonymous := r.dial("mqtt")
	mustConnect(t, anonymous, packets.V5)
	r.reload(plain(b.Addr())+jwt, "reloaded")
	expectRevoked(t, "alice", alice, time.Now())
	ping(t, tokens)
	ping(t, anonymous)
	r.reload(plain(b.Addr())+revokeOn, "reloaded")
	expectRevoked(t, "a token", tokens, time.Now())
	ping(t, anonymous)
}

// Sessions end with the key that let them in, each with its own, and go on with a key that is as it was.
func TestReloadRevokesKeys(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	dir := t.TempDir()
	es := authtest.NewSigner("ES256", 0)
	write(t, filepath.Join(dir, "key.pem"), string(es.PublicPEM()))
	text := func(secret, more string) string {
		return strings.Replace(plain(b.Addr()), "[auth]\nallow_anonymous = true\n", "[auth.jwt]\nsecret = \""+secret+"\"\npublic_key_file = \"key.pem\"\n"+more, 1) + revokeOn
	}
	r := runReloading(t, dir, text(authtest.SampleSecret, ""))
	bySecret, byKey := r.login("s", authtest.NewKeySigner("HS256", []byte(authtest.SampleSecret)).Sign(nil)), r.login("k", es.Sign(nil))
	r.reload(text(authtest.SampleSecret, "leeway = \"1s\"\ntoken_cache = 0\n"), "reloaded")
	ping(t, bySecret)
	ping(t, byKey)
	r.reload(text("another secret of enough bytes", ""), "reloaded")
	expectRevoked(t, "by the secret", bySecret, time.Now())
	ping(t, byKey)
	write(t, filepath.Join(dir, "key.pem"), string(authtest.NewSigner("ES256", 1).PublicPEM()))
	r.reload(text("another secret of enough bytes", ""), "reloaded")
	expectRevoked(t, "by the public key", byKey, time.Now())
}

// A certificate that a reload puts on the list ends its sessions, also those that no user and no key let
// in; by default it ends none. A list that is too old, or a listener that has none any more, ends nobody.
func TestReloadRevokesCertificates(t *testing.T) {
	for _, on := range []bool{true, false} {
		t.Run(fmt.Sprint(on), func(t *testing.T) {
			proxytest.CheckLeaks(t)
			f := newFleet(t)
			listed := f.listener("mqtts", withClients+"crl_file = \"crl.pem\"\n") + f.upstream() + jsonLog
			free := f.listener("mqtts", withClients) + f.upstream() + jsonLog
			if on {
				listed, free = listed+revokeOn, free+revokeOn
			}
			r := runReloading(t, f.dir, listed)
			good, bad := f.ca.Issue("good"), f.ca.Issue("bad")
			session := func(cert tls.Certificate) net.Conn {
				conn := tls.Client(r.dial("mqtts"), f.client(0, cert))
				mustConnect(t, conn, packets.V5)
				return conn
			}
			goods, bads := session(good), session(bad)
			f.write("crl.pem", string(f.ca.CRL(time.Now().Add(-time.Minute))))
			r.reload(listed, "reloaded\"")
			ping(t, bads)
			list := f.ca.CRL(time.Now().Add(48*time.Hour), bad)
			f.write("crl.pem", string(list))
			r.reload(free, "reloaded\"")
			ping(t, bads)
			r.reload(listed, "reloaded\"")
			ping(t, goods)
			if !on {
				ping(t, bads)
				return
			}
			expectRevoked(t, "bad", bads, time.Now())
			r.awaitLog(said("sessions end whose user, password, key or certificate is gone") + `"now":0,"later":1`)
			r.awaitLog(`"close_reason":"revoked","cert_subject":"CN=bad","detail":"client certificate: it is revoked: serial number `)
			if in, _ := r.enters("mqtts", f.client(0, bad)); in {
				t.Error("it was let in again")
			}
			r.awaitLog(`"msg":"TLS handshake failed"`)
			r.awaitLog(`"cert_subject":"CN=bad","reason":"client_revoked","error":"client certificate: it is revoked: serial number `)
		})
	}
}

// A file that changes is enough where files are watched; one that is faulty ends nobody.
func TestWatchedFilesRevoke(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "users"), "alice:"+aliceHash+"\nbob:"+aliceHash+"\n")
	w := runWatched(t, dir, withUsers(b.Addr())+watchOn+"revoke_live = true\n", often)
	alice, bob := w.login("alice", "wonderland"), w.login("bob", "wonderland")
	w.put("users", "alice:"+aliceHash+"\nnonsense\n", "the old configuration stays")
	ping(t, alice)
	ping(t, bob)
	w.put("users", "alice:"+aliceHash+"\n", "reloaded\"")
	expectRevoked(t, "bob", bob, time.Now())
	ping(t, alice)
}

// Keys of a set: one answer without a key ends nothing, a second one ends its sessions, without any
// reload; others go on.
func TestKeySetRevokes(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	old, stays := authtest.NewSigner("ES256", 0), authtest.NewSigner("ES256", 1)
	provider := authtest.NewProvider(old.JWK("old"), stays.JWK("stays"))
	text := strings.Replace(plain(b.Addr()), "[auth]\nallow_anonymous = true\n", "[auth.jwt]\njwks_min_refetch = \"1s\"\njwks_url = \""+provider.Start(t)+"\"\n", 1)
	r := runReloading(t, t.TempDir(), text+revokeOn+"[shutdown]\ndrain_timeout = \"2s\"\n")
	r.awaitLog("jwks loaded")
	goes, good := r.login("a", old.SignWith(map[string]any{"kid": "old"}, nil)), r.login("b", stays.SignWith(map[string]any{"kid": "stays"}, nil))
	unknown := old.SignWith(map[string]any{"kid": "unknown"}, nil)
	fetch := func() { // an unknown kid asks for it
		t.Helper()
		n := provider.Requests()
		proxytest.Eventually(t, "another fetch", func() bool {
			r.answer("u", unknown)
			time.Sleep(20 * time.Millisecond)
			return provider.Requests() > n
		})
	}
	provider.Set(authtest.Keys())
	fetch()
	r.reload(text+revokeOn+"[shutdown]\ndrain_timeout = \"2s\"\n", "reloaded")
	ping(t, goes)
	ping(t, good)
	provider.Set(authtest.Keys(stays.JWK("stays")))
	fetch()
	if got, err := io.ReadAll(goes); err != nil || !bytes.Equal(got, revoked) {
		t.Errorf("got % x, %v; want % x and the end", got, err, revoked)
	}
	r.awaitLog(`"close_reason":"revoked"`)
	ping(t, good)
}

func TestReloadWhileDrainingRevokesNobody(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "users"), "alice:"+aliceHash+"\n")
	r := runReloading(t, dir, withUsers(b.Addr())+revokeOn+"[shutdown]\ndrain_delay = \"10m\"\n")
	alice := r.login("alice", "wonderland")
	r.signals <- syscall.SIGTERM
	r.awaitLog("shutting down")
	write(t, filepath.Join(dir, "users"), "bob:"+aliceHash+"\n")
	r.signals <- syscall.SIGHUP
	r.awaitLog("not reloaded while shutting down")
	ping(t, alice)
	r.signals <- syscall.SIGTERM
	r.wait() // nil or ErrForced, as the session ends in time or not
}

func TestReloadRevokesNoKeyByDefault(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	text := strings.Replace(plain(b.Addr()), "[auth]\nallow_anonymous = true\n", "[auth.jwt]\nsecret = \""+authtest.SampleSecret+"\"\n", 1)
	r := runReloading(t, t.TempDir(), text)
	conn := r.login("u", authtest.NewKeySigner("HS256", []byte(authtest.SampleSecret)).Sign(nil))
	r.reload(strings.Replace(text, authtest.SampleSecret, "another secret of enough bytes", 1), "reloaded")
	ping(t, conn)
}
