package authtest

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSignersAreVerifiedByTheLibraries(t *testing.T) {
	for _, alg := range Algorithms() {
		s := NewSigner(alg, 0)
		key := any(nil)
		if alg[:2] == "HS" {
			key = s.Secret()
		} else {
			raw, _ := json.Marshal(s.JWK("a"))
			j, err := jwkset.NewJWKFromRawJSON(raw, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
			if err != nil {
				t.Errorf("%s: JWK: %v", alg, err)
				continue
			}
			key = j.Key()
		}
		token, err := jwt.Parse(s.Sign(map[string]any{"sub": "u"}), func(*jwt.Token) (any, error) { return key, nil })
		if err != nil || token.Header["alg"] != alg {
			t.Errorf("%s: got header %v, error %v; want a good token", alg, token.Header, err)
		}
		if NewSigner(alg, 0).Sign(nil) == NewSigner(alg, 1).Sign(nil) {
			t.Errorf("%s: two numbers share one key", alg)
		}
	}
}

func TestProviderFailsAsTold(t *testing.T) {
	p := NewProvider()
	url := p.Start(t)
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for i, test := range []struct {
		answer Answer
		status int // 0: the connection breaks
		size   int // 0: not compared
	}{
		{Keys(), 200, len(`{"keys":[]}`)},
		{Huge(3 << 20), 200, 3 << 20},
		{Status(500), 500, 0},
		{Redirect(307, "/x"), 307, 0},
		{ByPath(map[string]Answer{"/jwks.json": Junk()}), 200, 0},
		{ByPath(nil), 404, 0},
		{Slow(1, Body("x")), 200, 1},
		{Down(), 0, 0},
	} {
		p.Set(test.answer)
		if p.Requests() != i {
			t.Errorf("answer %d: got %d requests before it, want %d", i, p.Requests(), i)
		}
		resp, err := client.Get(url)
		if test.status == 0 {
			if err == nil {
				t.Errorf("answer %d: got status %d, want a broken connection", i, resp.StatusCode)
			}
			continue
		}
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != test.status || (test.size != 0 && len(body) != test.size) {
			t.Errorf("answer %d: got status %d, %d bytes, %v; want %d, %d", i, resp.StatusCode, len(body), err, test.status, test.size)
		}
	}
}
