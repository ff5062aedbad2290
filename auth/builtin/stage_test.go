package builtin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mqttward/auth"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"

// credentials are those of a client with a user name and a password.
func credentials(name, password string) *auth.Credentials {
	return &auth.Credentials{
		ClientID:    []byte("client"),
		UserName:    []byte(name),
		HasUserName: true,
		Password:    []byte(password),
		HasPassword: true,
	}
}

func newStage(t testing.TB, o Options) *Stage {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// fakeHash is right for one password and counts how often it is asked, decoys included.
type fakeHash struct {
	redacted
	kind     string
	password string
	takes    time.Duration
	asked    *atomic.Int32
	run      func(password []byte) // nil, or what happens in verify
}

func (h *fakeHash) Algorithm() string          { return h.kind }
func (h *fakeHash) Weakness() string           { return "" }
func (h *fakeHash) work() work                 { return work{algorithm: h.kind, takes: h.takes} }
func (h *fakeHash) appendText(b []byte) []byte { return append(b, h.kind...) }

func (h *fakeHash) appendStored(b []byte) []byte {
	return appendPart(appendPart(b, h.kind), h.password)
}

func (h *fakeHash) decoy() Hash {
	return &fakeHash{kind: h.kind, password: "\x00no password", takes: h.takes, asked: h.asked, run: h.run}
}

func (h *fakeHash) verify(password []byte) (bool, error) {
	if h.asked != nil {
		h.asked.Add(1)
	}
	if h.run != nil {
		h.run(password)
	}
	return string(password) == h.password, nil
}

// Section 6's table.
func TestVerdicts(t *testing.T) {
	var users []User
	for name, hash := range map[string]string{
		"snail": snailPBKDF2, "max": maxBcrypt,
		"empty6": emptySHA512, "empty7": emptyPBKDF2, "emptyA": emptyArgon2, "empty2": emptyBcrypt,
	} {
		users = append(users, User{Name: name, Hash: mustParse(t, hash)})
	}
	s := newStage(t, Options{Users: users, Token: TokenInPassword})
	absent := func(name string) *auth.Credentials {
		c := credentials(name, "snail")
		c.HasPassword = false // the stale bytes must not count
		return c
	}
	nameless := credentials("snail", "snail")
	nameless.HasUserName = false

	for _, tc := range []struct {
		name string
		c    *auth.Credentials
		want auth.Decision
		why  auth.Reason
	}{
		{"no such user", credentials("nobody", "snail"), auth.Ignore, auth.None},
		{"no such user, no password", absent("nobody"), auth.Ignore, auth.None},
		{"no such user, a token", credentials("nobody", token), auth.Ignore, auth.None},
		{"no such user, a password that the decoy can't hold", credentials("nobody", strings.Repeat("\x00", 100)), auth.Ignore, auth.None},
		{"user name absent", nameless, auth.Ignore, auth.None},
		{"user name empty", credentials("", "snail"), auth.Ignore, auth.None},
		{"name in another case", credentials("Snail", "snail"), auth.Ignore, auth.None},
		{"name with a blank", credentials("snail ", "snail"), auth.Ignore, auth.None},
		{"right", credentials("snail", "snail"), auth.Accept, auth.None},
		{"right, bcrypt", credentials("max", strings.Repeat("z", 72)), auth.Accept, auth.None},
		{"wrong", credentials("snail", "slug"), auth.Deny, auth.BadPassword},
		{"empty", credentials("snail", ""), auth.Deny, auth.BadPassword},
		{"absent", absent("snail"), auth.Deny, auth.BadPassword},
		{"a token", credentials("snail", token), auth.Deny, auth.BadPassword},
		{"over 72 bytes", credentials("max", strings.Repeat("z", 73)), auth.Deny, auth.BadPassword},
		{"$6$ of the empty password", credentials("empty6", ""), auth.Deny, auth.BadPassword},
		{"$7$ of the empty password", credentials("empty7", ""), auth.Deny, auth.BadPassword},
		{"argon2id of the empty password", credentials("emptyA", ""), auth.Deny, auth.BadPassword},
		{"bcrypt of the empty password", credentials("empty2", ""), auth.Deny, auth.BadPassword},
		{"$7$ of the empty password, NUL", credentials("empty7", "\x00"), auth.Deny, auth.BadPassword},
		{"bcrypt of the empty password, NUL", credentials("empty2", "\x00"), auth.Deny, auth.BadPassword},
		{"$6$ of the empty password, absent", absent("empty6"), auth.Deny, auth.BadPassword},
	} {
		got := s.Authenticate(t.Context(), tc.c)
		if got.Decision != tc.want || got.Reason != tc.why {
			t.Errorf("%s: %v %v (%s), want %v %v", tc.name, got.Decision, got.Reason, got.Detail, tc.want, tc.why)
		}
		wantName := ""
		if tc.want == auth.Accept {
			wantName = string(tc.c.UserName)
		}
		if got.Identity.Name != wantName || !got.Identity.Expires.IsZero() {
			t.Errorf("%s: identity %+v, want name %q, never expiring", tc.name, got.Identity, wantName)
		}
	}
}

func TestIdentifyByClientID(t *testing.T) {
	s := newStage(t, Options{IdentifyBy: ClientID, Users: []User{{Name: "meter-1", Hash: &fakeHash{password: "pw"}}}})
	for _, tc := range []struct {
		clientID, userName string
		want               auth.Decision
	}{
		{"meter-1", "", auth.Accept},
		{"meter-1", "anyone", auth.Accept},
		{"other", "meter-1", auth.Ignore},
		{"", "meter-1", auth.Ignore},
	} {
		c := credentials(tc.userName, "pw")
		c.ClientID = []byte(tc.clientID)
		got := s.Authenticate(t.Context(), c)
		if got.Decision != tc.want || (tc.want == auth.Accept && got.Identity.Name != "meter-1") {
			t.Errorf("client id %q, user name %q: %v as %q, want %v", tc.clientID, tc.userName, got.Decision, got.Identity.Name, tc.want)
		}
	}
}

func TestUserNameIsNeverFoundAsClientID(t *testing.T) {
	s := newStage(t, Options{Users: []User{{Name: "client", Hash: &fakeHash{password: "pw"}}}})
	if got := s.Authenticate(t.Context(), credentials("nobody", "pw")); got.Decision != auth.Ignore {
		t.Errorf("client id of a user's name: %v, want ignore", got.Decision)
	}
}

func TestUnknownNameCostsAHashUnlessATokenFollows(t *testing.T) {
	tokenName := credentials(token, "x")
	for _, tc := range []struct {
		name  string
		token TokenField
		c     *auth.Credentials
		want  int32
	}{
		{"wrong password of a known user", NoToken, credentials("known", "x"), 1},
		{"empty password of a known user", NoToken, credentials("known", ""), 1},
		{"no password of a known user", NoToken, &auth.Credentials{UserName: []byte("known"), HasUserName: true}, 1},
		{"unknown", NoToken, credentials("nobody", "x"), 1},
		{"unknown, empty password", NoToken, credentials("nobody", ""), 1},
		{"unknown, no password", NoToken, &auth.Credentials{UserName: []byte("nobody"), HasUserName: true}, 1},
		{"unknown, token, no stage for it", NoToken, credentials("nobody", token), 1},
		{"unknown, token", TokenInPassword, credentials("nobody", token), 0},
		{"unknown, no token", TokenInPassword, credentials("nobody", "a.b.c"), 1},
		{"unknown, token in the other field", TokenInPassword, tokenName, 1},
		{"token as user name", TokenInUserName, tokenName, 0},
		{"token as password, user name wanted", TokenInUserName, credentials("nobody", token), 1},
		{"no name", NoToken, &auth.Credentials{Password: []byte("x"), HasPassword: true}, 0},
	} {
		var asked atomic.Int32
		s := newStage(t, Options{Token: tc.token, Users: []User{{Name: "known", Hash: &fakeHash{password: "pw", asked: &asked}}}})
		s.Authenticate(t.Context(), tc.c)
		if got := asked.Load(); got != tc.want {
			t.Errorf("%s: %d hashes, want %d", tc.name, got, tc.want)
		}
	}
}

func TestDecoyHasTheWorkOfMostUsers(t *testing.T) {
	cheap, dear := &fakeHash{kind: "cheap", takes: 1}, &fakeHash{kind: "dear", takes: 2}
	for _, tc := range []struct {
		name   string
		hashes []Hash
		want   string
	}{
		{"most are cheap", []Hash{cheap, dear, cheap}, "cheap"},
		{"most are dear", []Hash{dear, cheap, dear}, "dear"},
		{"a tie goes to the dear", []Hash{cheap, dear, dear, cheap}, "dear"},
	} {
		var users []User
		for i, h := range tc.hashes {
			users = append(users, User{Name: fmt.Sprint("u", i), Hash: h})
		}
		if got := newStage(t, Options{Users: users}).decoy.Algorithm(); got != tc.want {
			t.Errorf("%s: decoy is %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestStageWithoutUsersIgnoresAll(t *testing.T) {
	s := newStage(t, Options{})
	if got := s.Authenticate(t.Context(), credentials("x", "y")); got.Decision != auth.Ignore {
		t.Errorf("verdict = %v, want ignore", got)
	}
}

func TestNewRefuses(t *testing.T) {
	h := &fakeHash{}
	for _, tc := range []struct {
		name string
		o    Options
		want string
	}{
		{"empty name", Options{Users: []User{{Hash: h, File: "f", Line: 3}}}, "f:3: the user name is empty"},
		{"no hash", Options{Users: []User{{Name: "joe", Line: 3}}}, `line 3: user "joe" has no password hash`},
		{"a duplicate across sources", Options{Users: []User{
			{Name: "joe", Hash: h, File: "users.pw", Line: 3}, {Name: "joe", Hash: h, File: "mqttward.toml", Line: 9},
		}}, `mqttward.toml:9: user "joe": the user is declared twice: first at users.pw:3`},
		{"a duplicate from nowhere", Options{Users: []User{{Name: "joe", Hash: h}, {Name: "joe", Hash: h}}}, `user "joe": the user is declared twice`},
		{"two problems", Options{Users: []User{{Name: "a\x00", Hash: h}, {Name: "joe"}}}, "the user name has a NUL in it: no client can send it\nuser \"joe\" has no password hash"},
		{"unknown identity", Options{IdentifyBy: 2}, "identify users by 2: unknown"},
		{"unknown token field", Options{Token: 3}, "token field 3: unknown"},
		{"negative workers", Options{Workers: -1}, "-1 workers and a queue of 0: negative"},
	} {
		s, err := New(tc.o)
		if err == nil || err.Error() != tc.want || s != nil {
			t.Errorf("%s: error %v, want %q", tc.name, err, tc.want)
		}
		if dup := strings.Contains(tc.want, "twice"); dup != errors.Is(err, ErrDuplicateUser) {
			t.Errorf("%s: errors.Is(ErrDuplicateUser) = %v, want %v", tc.name, !dup, dup)
		}
	}
}

func TestNewReportsManyDuplicatesWithinABound(t *testing.T) {
	h := &fakeHash{}
	var users []User
	for range 2 {
		for i := range MaxProblems + 5 {
			users = append(users, User{Name: fmt.Sprint("u", i), Hash: h, File: "f", Line: len(users) + 1})
		}
	}
	_, err := New(Options{Users: users})
	load, ok := errors.AsType[*LoadError](err)
	if !ok || len(load.Problems) != MaxProblems || load.More != 5 {
		t.Fatalf("error %v, want %d problems and 5 more", err, MaxProblems)
	}
	if got, want := load.Problems[19].Error(), `f:45: user "u19": the user is declared twice: first at f:20`; got != want {
		t.Errorf("problem = %q, want %q", got, want)
	}
}

func TestWorkersRunOnlyForSlowHashes(t *testing.T) {
	fast := newStage(t, Options{Workers: 3, Users: []User{{Name: "a", Hash: mustParse(t, emptyPBKDF2)}}})
	slow := newStage(t, Options{Workers: 3, Users: []User{{Name: "a", Hash: mustParse(t, snailPBKDF2)}}})
	usual := newStage(t, Options{Users: []User{{Name: "a", Hash: mustParse(t, snailPBKDF2)}}})
	if got := fast.SlowWorkers(); got != 0 || fast.pool != nil {
		t.Errorf("fast hashes alone: %d workers, want 0", got)
	}
	if got := slow.SlowWorkers(); got != 3 {
		t.Errorf("a slow hash: %d workers, want 3", got)
	}
	if got := usual.SlowWorkers(); got < 1 || got > maxDefaultWorkers {
		t.Errorf("by default: %d workers, want 1 to %d", got, maxDefaultWorkers)
	}
}

func TestFastPathAllocations(t *testing.T) {
	s := newStage(t, Options{Token: TokenInPassword, Users: []User{{Name: "joe", Hash: mustParse(t, emptySHA512)}}})
	ctx := context.Background()
	for _, tc := range []struct {
		name string
		c    *auth.Credentials
	}{{"wrong password", credentials("joe", "wrong")}, {"unknown name", credentials("nobody", "wrong")}} {
		if got := testing.AllocsPerRun(100, func() { s.Authenticate(ctx, tc.c) }); got != 0 {
			t.Errorf("%s: %v allocations, want 0", tc.name, got)
		}
	}
}

func TestStagePrintsNoHash(t *testing.T) {
	s := newStage(t, Options{Users: []User{{Name: "joe", Hash: mustParse(t, emptySHA512)}}, Log: slog.Default()})
	for _, raw := range []string{"0123456789ab", "48 49 50", "303132333435"} {
		if out := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(out, raw) {
			t.Errorf("%q is in %q", raw, out)
		}
	}
}
