package auth

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

const (
	goodHeader = "eyJhbGciOiJIUzI1NiJ9"
	goodToken  = goodHeader + ".eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
)

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestIsToken(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       bool
	}{
		{"a token", goodToken, true},
		{"parts may be anything", goodHeader + ".?.", true},
		{"header with blanks", b64(" {\n\"alg\": 1 }\t") + ".a.b", true},
		{"empty object", b64("{}") + ".a.b", true},
		{"two parts", goodHeader + ".a", false},
		{"four parts", goodToken + ".d", false},
		{"header not an object", b64(`["alg"]`) + ".a.b", false},
		{"header a string", b64(`"alg"`) + ".a.b", false},
		{"header not JSON", b64(`{"alg"`) + ".a.b", false},
		{"header padded", b64(`{}`) + "=.a.b", false},
		{"header not base64url", "{}.a.b", false},
		{"dots alone", "..", false},
		{"a host name", "mqtt.example.org", false},
		{"nothing", "", false},
	} {
		if got := IsToken([]byte(tc.text)); got != tc.want {
			t.Errorf("%s: IsToken(%q) = %v, want %v", tc.name, tc.text, got, tc.want)
		}
	}
}

func TestDisplay(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"plain", "meter-1/Zürich 漢字 😀", "meter-1/Zürich 漢字 😀"},
		{"empty", "", ""},
		{"C0, DEL, C1", "a\x00\n\x1b[2J\x7f\u0085", `a\u0000\u000a\u001b[2J\u007f\u0085`},
		{"bidirectional", "a\u202eb\u2066c\u200f\u061c", `a\u202eb\u2066c\u200f\u061c`},
		{"invisible", "\u200b\u00ad\ufeff", `\u200b\u00ad\ufeff`},
		{"tag characters, in eight digits", "\U000e0041", `\U000e0041`},
		{"line separators", "\u2028\u2029", `\u2028\u2029`},
		{"invalid UTF-8", "a\xff\xc3b", `a\xff\xc3b`},
		{"a replacement character is one", "\ufffd", "\ufffd"},
		{"at the limit", strings.Repeat("x", MaxDisplay), strings.Repeat("x", MaxDisplay)},
		{"beyond the limit", strings.Repeat("x", MaxDisplay+1), strings.Repeat("x", MaxDisplay) + "..."},
		{"not cut in a rune", strings.Repeat("x", MaxDisplay-1) + "ü", strings.Repeat("x", MaxDisplay-1) + "..."},
		{"not cut in a long rune", strings.Repeat("x", MaxDisplay-3) + "😀", strings.Repeat("x", MaxDisplay-3) + "..."},

		{"a token", goodToken, "[jwt]"},
		{"a token with a blank header", b64(`  {"alg":"HS256"}`) + ".a.b", "[jwt]"},
		{"a token cut in its payload", goodToken[:30], "[jwt]"},
		{"a token with a part too many", goodToken + ".x", "[jwt]"},
		{"a token with damaged base64", "eyJhbGciOi!" + goodToken[11:], "[jwt]"},
		{"a bearer token", "Bearer " + goodToken, "[jwt]"},
		{"a token as a parameter", "u?token=" + goodToken, "[jwt]"},
		{"a quoted token", `"` + goodToken + `"`, "[jwt]"},
		{"a token after a line break", "\r\n" + goodToken, "[jwt]"},
		{"a pretty-printed header", b64("{\n  \"alg\": \"HS256\"\n}") + ".a.b", "[jwt]"},
		{"a long token", goodHeader + "." + strings.Repeat("A", 4000) + ".b", "[jwt]"},
		{"a long header", b64(`{"alg":"HS256","kid":"`+strings.Repeat("k", 4000)+`"}`) + ".a.b", "[jwt]"},

		{"a name that begins as a token does", "ewa.kowalska@example.org", "ewa.kowalska@example.org"},
		{"another", "eyes.on.you", "eyes.on.you"},
		{"a word that does", "eyJoule-meter", "eyJoule-meter"},
	} {
		if got := Display([]byte(tc.text)); got != tc.want {
			t.Errorf("%s: Display(%q) = %q, want %q", tc.name, tc.text, got, tc.want)
		}
	}
}

func FuzzDisplay(f *testing.F) {
	for _, s := range []string{"meter-1", goodToken, "a\u202e\x00\xff", strings.Repeat("\u2028", 50), "\r\n\x1b", "ewa.kowalska", strings.Repeat("é", 100)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := Display(b)
		// At the worst each byte is a control, and six characters.
		if limit := 6*MaxDisplay + len("..."); len(got) > limit {
			t.Fatalf("Display(%q) has %d bytes, want at most %d", b, len(got), limit)
		}
		if !utf8.ValidString(got) {
			t.Fatalf("Display(%q) = %q is not UTF-8", b, got)
		}
		for _, r := range got {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
				t.Fatalf("Display(%q) = %q has %U in it", b, got, r)
			}
		}
		if IsToken(b) && got != maskedToken {
			t.Fatalf("Display(%q) = %q, want %q", b, got, maskedToken)
		}
		// A token is hidden in whatever text it stands.
		if n := len(b); n < MaxDisplay && (n == 0 || !isBase64URL(b[n-1])) {
			if got := Display(append(b[:n:n], goodToken...)); got != maskedToken {
				t.Fatalf("Display(%q + token) = %q, want %q", b, got, maskedToken)
			}
		}
	})
}

func BenchmarkDisplay(b *testing.B) {
	for name, text := range map[string]string{
		"name":  "device-012345",
		"token": goodToken,
		"worst": strings.Repeat("eyJ,", 16000),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Display([]byte(text))
			}
		})
	}
}
