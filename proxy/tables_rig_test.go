package proxy_test

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/auth/builtin"
	"mqttward/auth/jwt"
	"mqttward/packets"
)

// absent is a field that the client does not send; no row needs it as a value.
const absent = "\x00absent"

// row is one situation of the design's tables: what a client sends, and what becomes of it.
type row struct {
	name               string
	id, user, password string
	reason             auth.Reason // None: the client is let in
	stage              string      // who decides; empty where nobody does
	detail             string      // a part of the log line; empty for any
}

// connect is the row's CONNECT in version v.
func (w row) connect(v packets.Version) packets.Connect {
	return packets.Connect{
		Version: v, KeepAlive: 60, ClientID: []byte(w.id),
		HasUserName: w.user != absent, UserName: []byte(w.user),
		HasPassword: w.password != absent, Password: []byte(w.password),
	}
}

// runRows runs each row in all versions, before a server of its own that change has prepared.
func runRows(t *testing.T, change func(*options), rows []row) {
	t.Helper()
	if len(rows) == 0 {
		t.Fatal("no rows")
	}
	for _, w := range rows {
		t.Run(w.name, func(t *testing.T) {
			r := newRig(t, change)
			accepted := 0
			for _, v := range versions {
				accepted += r.play(w, v)
			}
			r.expectDialled(accepted)
			r.expectNoSecret(w)
		})
	}
}

// judgedBy prepares a server whose chain has these stages.
func judgedBy(t testing.TB, stages ...auth.Authenticator) func(*options) {
	t.Helper()
	chain := chainOf(t, stages...)
	return func(o *options) { o.Chain = chain }
}

// play lets a client of version v do as the row has it, checks what becomes of it, and
// returns by how many connections the broker is to be reached.
func (r *rig) play(w row, v packets.Version) (dialled int) {
	r.t.Helper()
	parts := []string{"mqtt=" + v.String()}
	// One of the versions is judged as usual, the others are explained too: it must be the same.
	r.level.Set(slog.LevelDebug)
	if v == packets.V311 {
		r.level.Set(slog.LevelInfo)
	}
	conn := r.send(frame(w.connect(v)))
	defer conn.Close()
	if w.reason == auth.None {
		read(r.t, conn, accepting(v))
		r.expectVerdict(w, append(parts, "msg=connected", "verdict=accept")...)
		return 1
	}
	if got := readAll(r.t, conn); !bytes.Equal(got, wanted(w.reason, v)) {
		r.t.Errorf("%v: got % x, want % x (%v)", v, got, wanted(w.reason, v), w.reason)
	}
	r.expectVerdict(w, append(parts, "msg=refused", "verdict=deny", "reason="+w.reason.String()+" ")...)
	return 0
}

// expectVerdict waits for the verdict's line, and checks which stage it names.
func (r *rig) expectVerdict(w row, parts ...string) {
	r.t.Helper()
	if w.stage != "" {
		parts = append(parts, "stage="+w.stage+" ")
	}
	if w.detail != "" {
		parts = append(parts, w.detail)
	}
	if w.id != "" {
		parts = append(parts, "client_id="+w.id+" ")
	}
	r.expectLog(parts...)
	if w.stage == "" && strings.Contains(r.log.String(), "stage=") {
		r.t.Errorf("a stage has decided, want none:\n%s", r.log)
	}
}

// expectDialled demands that the broker was reached by exactly n connections, by none of
// which it has yet to hear: connections are accepted in the order in which they came, so
// once a last one of the test's own is served, no other is on its way.
func (r *rig) expectDialled(n int) {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.broker.Addr())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(frame(client(packets.V311, "the test", ""))); err != nil {
		r.t.Fatal(err)
	}
	read(r.t, conn, accepting(packets.V311))
	if got := r.broker.Accepted() - 1; got != n {
		r.t.Errorf("connections to the broker: got %d, want %d", got, n)
	}
}

// expectNoSecret demands that the log holds neither the row's password nor a token.
func (r *rig) expectNoSecret(w row) {
	r.t.Helper()
	log := r.log.String()
	if len(w.password) > 7 && w.password != absent && strings.Contains(log, w.password) {
		r.t.Errorf("the password is in the log:\n%s", log)
	}
	if auth.IsToken([]byte(w.user)) && strings.Contains(log, w.user[:20]) {
		r.t.Errorf("the token is in the log:\n%s", log)
	}
}

// clock is when tokens are judged: far from the wall clock, so that no session of a test ends
// by itself, and no token can be good by accident.
var clock = time.Unix(4_102_444_800, 0) // 2100-01-01

// discarding is a log that nobody reads.
func discarding() *slog.Logger { return slog.New(slog.DiscardHandler) }

// tokens is the stage of o, which judges at clock where o does not say otherwise.
func tokens(t testing.TB, o jwt.Options) *jwt.Stage {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return clock }
	}
	if o.Log == nil {
		o.Log = discarding()
	}
	s, err := jwt.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// people is the stage of o with these users, given as in a password file, and one worker.
func people(t testing.TB, o builtin.Options, lines ...string) *builtin.Stage {
	t.Helper()
	users, _, err := builtin.ReadFile(strings.NewReader(strings.Join(lines, "\n")), "users", builtin.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o.File, o.Log, o.Workers = users, discarding(), 1
	s, err := builtin.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	// The worker, where there is one, has begun when it has done something: to the rows' search
	// for leaks it must be no news.
	for u := range users.All() {
		name := []byte(u.Name)
		s.Authenticate(t.Context(), &auth.Credentials{UserName: name, HasUserName: true, ClientID: name})
	}
	return s
}

// template parses a template that may name claims.
func template(t testing.TB, s string) *auth.Template {
	t.Helper()
	parsed, err := auth.ParseClaimTemplate(s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// echoes demands that what is written comes back: the client is still connected to the broker.
func echoes(t testing.TB, conn net.Conn) {
	t.Helper()
	ping := []byte{0xC0, 0}
	if _, err := conn.Write(ping); err != nil {
		t.Fatal(err)
	}
	read(t, conn, ping)
}
