package main_test

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"mqttward/auth/authtest"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// secrets are all that no log may hold.
type secrets []string

// add notes a secret and returns it. Of a token, each part but the header is one.
func (s *secrets) add(text string) string {
	*s = append(*s, text)
	if parts := strings.Split(text, "."); len(parts) == 3 {
		for _, part := range parts[1:] {
			if part != "" {
				*s = append(*s, part)
			}
		}
	}
	return text
}

// found returns the secrets in a log, in whatever form it might show them.
func (s secrets) found(log string) []string {
	var found []string
	log = logTimes.ReplaceAllString(log, "") // a time's nine digits may be a short secret's hex by chance
	for _, secret := range s {
		for _, form := range []string{
			secret, hex.EncodeToString([]byte(secret)), fmt.Sprintf("% x", secret), fmt.Sprint([]byte(secret)),
			base64.RawStdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		} {
			if strings.Contains(log, form) {
				found = append(found, form)
			}
		}
	}
	return found
}

var logTimes = regexp.MustCompile(`\d{4}-\d\d-\d\dT[^ "]*`)

// secretRig is a mqttward with every secret that a configuration can hold.
type secretRig struct {
	*testing.T
	secrets
	format, from string
	signer       *authtest.Signer
	userPassword string
}

// start runs mqttward with more settings before a broker at an address.
func (r *secretRig) start(address string) *ward {
	r.Helper()
	provider := authtest.NewProvider(authtest.NewSigner("ES256", 1).JWK("known"))
	words := r.add("the provider's words")
	provider.Set(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, words, http.StatusForbidden) })
	salt := "twelve bytes"
	sum := sha512.Sum512([]byte(r.userPassword + salt))
	hash := "$6$" + r.add(base64.StdEncoding.EncodeToString([]byte(salt))) + "$" + r.add(base64.StdEncoding.EncodeToString(sum[:]))
	users := writeFile(r, "passwd", "alice:"+hash+"\n")
	return startWard(r, plainListener, upstreamAt(address),
		fmt.Sprintf("[upstream.credentials]\nmode = \"replace\"\nusername = \"gateway-%%c\"\npassword = %q\n", r.add("brokers-own-Password")),
		"[auth]\nreason_strings = true\n",
		fmt.Sprintf("[auth.builtin]\nusers_file = %q\n[[auth.builtin.user]]\nname = \"bob\"\npassword_hash = %q\n", users, r.add(hash)),
		fmt.Sprintf("[auth.jwt]\nfrom = %q\nsecret = %q\njwks_url = %q\n", r.from, r.signer.Secret(), provider.Start(r)),
		fmt.Sprintf("[auth.jwt.jwks_headers]\nAuthorization = %q\n", "Bearer "+r.add("provider-Access-0123456789")),
		"[auth.jwt.claims]\nrole = \"device\"\n",
		fmt.Sprintf("[log]\nlevel = \"debug\"\nformat = %q\n", r.format))
}

// tokens are good and bad ones, all of them secret: a bad one may be good elsewhere. What the
// explanation at debug level tells of one are its kid and the claims that are judged.
func (r *secretRig) tokens() (good string, bad []string) {
	sign := func(header, claims map[string]any) string { return r.add(r.signer.SignWith(header, claims)) }
	claims := func(name string, value any) map[string]any {
		c := map[string]any{"role": "device", "sub": r.add("subject-Of-The-Token")}
		c[name] = value
		return c
	}
	good = sign(nil, claims("exp", time.Now().Add(time.Hour).Unix()))
	bad = []string{
		sign(nil, claims("exp", 1516239022)),
		sign(nil, claims("nbf", "junk-In-A-Claim")),
		sign(nil, claims("role", "another-Role")),
		sign(map[string]any{"kid": "unknown"}, claims("role", "device"))[:len(good)-3] + "AAA",
		r.add(authtest.NewSigner("ES256", 2).SignWith(map[string]any{"kid": "a-Key-Of-Ours"}, nil)),
		r.add(good[:strings.LastIndexByte(good, '.')] + ".not*base64"),
		r.add("eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + "."),
	}
	return good, bad
}

// connects are CONNECTs, and what is near to one, with a secret in every place.
func (r *secretRig) connects() [][]byte {
	good, bad := r.tokens()
	password := r.add("wrong-Password-1")
	var all [][]byte
	add := func(user, secret, id string) *packets.Connect {
		c := rawProfile([]string{"3.1.1", "5.0"}[len(all)%2], id)
		c.UserName, c.Password = []byte(user), []byte(secret)
		if r.from == "username" && strings.Contains(secret, ".") {
			c.UserName, c.Password = []byte(secret), []byte(password)
		}
		all = append(all, packets.AppendConnect(nil, c))
		return c
	}
	add("alice", r.userPassword, "good-user")
	add("alice", password, "bad-password")
	add("alice", good, "token-for-password")
	add("bob", r.userPassword, "other-password")
	add("nobody", password, "unknown-user")
	add("device", good, "good-token")
	for _, token := range bad {
		add("device", token, "bad-token")
	}
	add(good, password, "token-as-user")
	add("Bearer "+good, password, "bearer-as-user")
	c := add("device", good, good) // as the client id too
	// Malformed in the field that follows the secret, and in it.
	whole := packets.AppendConnect(nil, c)
	all = append(all, append(whole[:len(whole):len(whole)], "more"...), whole[:len(whole)-2])
	c.UserName = []byte("\xff" + password)
	c.Version = packets.V5
	all = append(all, packets.AppendConnect(nil, c), []byte("GET /?access_token="+good+" HTTP/1.1\r\n\r\n"))
	return all
}

// No password, token, secret or hash is in the log, at any level and in any format, whatever
// clients do and whatever fails.
func TestTheLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		for _, from := range []string{"password", "username"} {
			t.Run(format+"/"+from, func(t *testing.T) {
				t.Parallel()
				r := &secretRig{T: t, format: format, from: from, signer: authtest.NewKeySigner("HS256", []byte("hmac-Secret-Of-This-Test"))}
				r.add(string(r.signer.Secret()))
				r.userPassword = r.add("correct-Password-1")
				refuser := proxytest.NewBroker(t, proxytest.BrokerOptions{Connack: []byte{0x20, 2, 0, 5}})
				wards := map[string]*ward{
					"a broker":              r.start(startEmbedded(t).addr()),
					"a broker that refuses": r.start(refuser.Addr()),
					"no broker":             r.start(proxytest.FreeAddress(t)),
				}
				for name, w := range wards {
					for _, send := range r.connects() {
						conn := dialRaw(t, w.addr("plain"), send)
						_ = conn.(interface{ CloseWrite() error }).CloseWrite()
						_ = readToEnd(t, conn)
					}
					w.stop()
					_ = w.wait()
					log := w.log.String()
					for _, form := range r.found(log) {
						t.Errorf("before %s: %q is in the log", name, form)
					}
					// What must be there, so that the log is known to tell of all this.
					for _, word := range []string{"[jwt]", "bad_password", "token_expired", "claim_mismatch", "bad_signature", "malformed", "jwks"} {
						if !strings.Contains(log, word) {
							t.Errorf("before %s: the log does not mention %s", name, word)
						}
					}
					if strings.Contains(log, "suppressed") {
						t.Errorf("before %s: the log leaves refusals out", name)
					}
				}
			})
		}
	}
}
