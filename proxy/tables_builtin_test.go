package proxy_test

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"strings"
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
	"mqttward/auth/builtin"
	"mqttward/auth/jwt"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// Hashes that nobody may log in with, or only within a limit.
const (
	emptySHA512   = "$6$MDEyMzQ1Njc4OWFi$D1Wmwbo//Ju+TOxH6D+S+wXsEYYnYfPIcZXq2z8FSWAnek/S+F/spLYb2grR5FPUl7wZyHna669O5GZ4DjHmyw=="
	emptyPBKDF2   = "$7$101$MDEyMzQ1Njc4OWFi$kzDXCXdMu3h7h0NtE+I+qTtTcGAUlFRHwpQWMPRqszBH4cPoNtY8ftOLFMIoAPXoISgI7lHqw9Fpgdh2lyuFlw=="
	emptyArgon2id = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$yDCbRXt8YBhEtYWu23Ut1dbynmb19XUzbcBonDMLqwE"
	emptyBcrypt   = "$2b$04$./ABCDEFGHIJKLMNOPQRS.BoAhfHDHWO7sqPY/n.AzGgud2HTJMTW"
	fullBcrypt    = "$2b$04$./ABCDEFGHIJKLMNOPQRS.28sXloAWz3Y5nsLoTDhOWaMywWtczLa" // of 72 times z
)

// sha512Of is a $6$ hash of any password.
func sha512Of(password string) string {
	salt := []byte("0123456789ab")
	sum := sha512.Sum512(append([]byte(password), salt...))
	return "$6$" + base64.StdEncoding.EncodeToString(salt) + "$" + base64.StdEncoding.EncodeToString(sum[:])
}

// accounts are the users of section 6's table.
func accounts(ticket string) []string {
	return []string{
		"alice:" + hashSHA512, "sha512:" + hashSHA512, "pbkdf2:" + hashPBKDF2, "argon2id:" + hashArgon2id, "bcrypt:" + hashBcrypt,
		"empty6:" + emptySHA512, "empty7:" + emptyPBKDF2, "emptya:" + emptyArgon2id, "empty2:" + emptyBcrypt,
		"full:" + fullBcrypt, "ticket:" + sha512Of(ticket),
	}
}

// accountRows are the rows of section 6 that are the same whatever follows and however users
// are found: a row's user is its user or client id.
func accountRows(good, expired string) []row {
	yes := func(name, user, password string) row {
		return row{name, "c1", user, password, auth.None, "builtin", ""}
	}
	no := func(name, user, password string) row {
		return row{name, "c1", user, password, auth.BadPassword, "builtin", ""}
	}
	rows := []row{
		yes("known, right password", "alice", rightPassword),
		yes("known, right password that would fail as a token", "ticket", expired),
		no("known, wrong password", "alice", "wrong horse"),
		no("known, password in another case", "alice", "Correct horse"),
		no("known, password with a NUL after it", "pbkdf2", rightPassword+"\x00"),
		no("known, empty password", "alice", ""),
		no("known, absent password", "alice", absent),
		no("known, a valid token for a password", "alice", good),
		yes("bcrypt, 72 bytes", "full", strings.Repeat("z", 72)),
		no("bcrypt, 73 bytes", "full", strings.Repeat("z", 73)),
		no("bcrypt, 60,000 bytes", "full", strings.Repeat("z", 60_000)),
	}
	for _, kind := range []string{"sha512", "pbkdf2", "argon2id", "bcrypt"} {
		rows = append(rows, yes(kind+", right", kind, rightPassword), no(kind+", wrong", kind, "wrong horse"), no(kind+", empty", kind, ""))
	}
	for _, kind := range []string{"empty6", "empty7", "emptya", "empty2"} {
		rows = append(rows, no(kind+": stored hash of the empty password", kind, ""), no(kind+", absent password", kind, absent))
	}
	return rows
}

// Section 6, users found by user name.
func TestBuiltinTableByUserName(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	good, expired := hs.Sign(nil), hs.Sign(map[string]any{"exp": clock.Unix() - 1})
	users := people(t, builtin.Options{Token: builtin.TokenInPassword}, accounts(expired)...)
	bearers := tokens(t, jwt.Options{Secret: hs.Secret()})
	nobody := []row{
		{"no such user", "c1", "nobody", rightPassword, auth.NoCredentials, "", ""},
		{"no such user, no password", "c1", "nobody", absent, auth.NoCredentials, "", ""},
		{"no such user, an impossible password", "c1", "nobody", strings.Repeat("\x00", 100), auth.NoCredentials, "", ""},
		{"user name in another case", "c1", "Alice", rightPassword, auth.NoCredentials, "", ""},
		{"user name with a blank", "c1", "alice ", rightPassword, auth.NoCredentials, "", ""},
		{"user name absent", "c1", absent, rightPassword, auth.NoCredentials, "", ""},
		{"user name empty", "c1", "", rightPassword, auth.NoCredentials, "", ""},
		{"the name as the client id", "alice", "nobody", rightPassword, auth.NoCredentials, "", ""},
		{"the name as the client id, user name absent", "alice", absent, rightPassword, auth.NoCredentials, "", ""},
	}
	rows := append(nobody, accountRows(good, expired)...)
	t.Run("alone", func(t *testing.T) {
		runRows(t, judgedBy(t, users), append(rows,
			row{"no such user, a token", "c1", "nobody", good, auth.NoCredentials, "", ""}))
	})
	t.Run("before JWT", func(t *testing.T) {
		runRows(t, judgedBy(t, users, bearers), append(rows,
			row{"no such user, a token", "c1", "nobody", good, auth.None, "jwt", ""},
			row{"user name absent, a token", "c1", absent, good, auth.None, "jwt", ""},
			row{"user name empty, a token", "c1", "", good, auth.None, "jwt", ""},
			row{"no such user, a bad token", "c1", "nobody", expired, auth.TokenExpired, "jwt", ""}))
	})
}

// Section 6, users found by client id: the user name plays no part.
func TestBuiltinTableByClientID(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	good, expired := hs.Sign(nil), hs.Sign(map[string]any{"exp": clock.Unix() - 1})
	users := people(t, builtin.Options{IdentifyBy: builtin.ClientID, Token: builtin.TokenInPassword}, accounts(expired)...)
	bearers := tokens(t, jwt.Options{Secret: hs.Secret()})
	rows := []row{
		{"no such client", "nobody", "alice", rightPassword, auth.NoCredentials, "", ""},
		{"client id empty", "", "alice", rightPassword, auth.NoCredentials, "", ""},
		{"client id in another case", "Alice", "alice", rightPassword, auth.NoCredentials, "", ""},
		{"known, user name of another user", "alice", "full", rightPassword, auth.None, "builtin", ""},
		{"known, right password of the user name's user", "alice", "ticket", expired, auth.BadPassword, "builtin", ""},
		{"no such client, a token", "nobody", "alice", good, auth.None, "jwt", ""},
	}
	for i, w := range accountRows(good, expired) {
		// A client id needs no user name beside it.
		w.id, w.user = w.user, [...]string{absent, "anybody", ""}[i%3]
		rows = append(rows, w)
	}
	runRows(t, judgedBy(t, users, bearers), rows)
}

// Where the token is the user name, a password beside it is nobody's; a user may even be
// called like a token.
func TestBuiltinTableBeforeTokensInUserNames(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	good, expired := hs.Sign(nil), hs.Sign(map[string]any{"exp": clock.Unix() - 1})
	users := people(t, builtin.Options{Token: builtin.TokenInUserName}, "alice:"+hashSHA512, expired+":"+hashSHA512)
	bearers := tokens(t, jwt.Options{Secret: hs.Secret(), From: jwt.FromUserName})
	runRows(t, judgedBy(t, users, bearers), []row{
		{"known, right password", "c1", "alice", rightPassword, auth.None, "builtin", ""},
		{"known, a valid token for a password", "c1", "alice", good, auth.BadPassword, "builtin", ""},
		{"known by a name that would fail as a token", "c1", expired, rightPassword, auth.None, "builtin", ""},
		{"known by such a name, wrong password", "c1", expired, "wrong horse", auth.BadPassword, "builtin", ""},
		{"no such user, a token for a password", "c1", "nobody", good, auth.NoCredentials, "", ""},
		{"a token for a user name", "c1", good, absent, auth.None, "jwt", `username=[jwt]`},
		{"a token for a user name, any password", "c1", good, "any password", auth.None, "jwt", `username=[jwt]`},
	})
}

func TestFullHashQueueIsBusy(t *testing.T) {
	slow := strings.Replace(hashPBKDF2, "$101$", "$150000$", 1) // a tenth of a second, and never right
	users := people(t, builtin.Options{Queue: 1}, "slow:"+slow)
	for _, v := range versions {
		for _, name := range []string{"slow", "nobody"} { // an unknown user meets the same queue
			t.Run(v.String()+" "+name, func(t *testing.T) {
				r := newRig(t, judgedBy(t, users))
				packet := frame(client(v, name, "wrong horse"))
				// One more than the worker and the queue can hold; should the worker not have
				// taken the first by then, the next round finds it at work.
				proxytest.Eventually(t, "a client is turned away", func() bool {
					r.send(packet)
					r.send(packet)
					return bytes.Equal(r.answer(packet), wanted(auth.Busy, v))
				})
				r.expectLog("reason=busy", "stage=builtin", "mqtt="+v.String(), `detail="the hash queue is full"`)
				r.expectDialled(0)
			})
		}
	}
}

// With uniform codes nobody learns from an answer which users there are.
func TestUniformCodesTellNoKnownUser(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	users := people(t, builtin.Options{Token: builtin.TokenInPassword}, accounts("x")...)
	prepare := judgedBy(t, users, tokens(t, jwt.Options{Secret: hs.Secret()}))
	for _, w := range []row{
		{"known, wrong password", "c1", "alice", "wrong horse", auth.BadPassword, "builtin", ""},
		{"known, empty password", "c1", "alice", "", auth.BadPassword, "builtin", ""},
		{"known, absent password", "c1", "alice", absent, auth.BadPassword, "builtin", ""},
		{"known, over 72 bytes", "c1", "full", strings.Repeat("z", 73), auth.BadPassword, "builtin", ""},
		{"unknown, wrong password", "c1", "nobody", "wrong horse", auth.NoCredentials, "", ""},
		{"unknown, empty password", "c1", "nobody", "", auth.NoCredentials, "", ""},
		{"unknown, absent password", "c1", "nobody", absent, auth.NoCredentials, "", ""},
		{"unknown, bad token", "c1", "nobody", hs.Sign(map[string]any{"exp": 1}), auth.TokenExpired, "jwt", ""},
		{"nothing sent", "", absent, absent, auth.NoCredentials, "", ""},
	} {
		t.Run(w.name, func(t *testing.T) {
			r := newRig(t, func(o *options) {
				prepare(o)
				o.Refusals.Uniform = true
			})
			for _, v := range versions {
				code := byte(0x05)
				if v == packets.V5 {
					code = 0x87
				}
				got := r.answer(frame(w.connect(v)))
				if want := packets.AppendConnack(nil, v, packets.ReasonCode(code), ""); !bytes.Equal(got, want) {
					t.Errorf("%v: got % x, want % x", v, got, want)
				}
				r.expectVerdict(w, "mqtt="+v.String(), "reason="+w.reason.String()+" ") // the log knows
			}
			r.expectDialled(0)
		})
	}
}
