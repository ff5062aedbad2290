package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTemplateAppend(t *testing.T) {
	c := &Credentials{ClientID: []byte("C"), UserName: []byte("U"), HasUserName: true, CertName: "N"}
	claims := map[string]string{"sub": "S", "a b": "AB"}
	for _, tc := range []struct{ template, want string }{
		{"", ""},
		{"plain", "plain"},
		{"%u", "U"},
		{"%c", "C"},
		{"${username}", "U"},
		{"${clientid}", "C"},
		{"%n", "N"},
		{"dev-%n/%u%%n", "dev-N/U%n"},
		{"%%", "%"},
		{"%%u", "%u"},
		{"%%%u", "%U"},
		{"100%%", "100%"},
		{"dev/%c/of/%u!", "dev/C/of/U!"},
		{"%u%u%c", "UUC"},
		{"%{claim:sub}", "S"},
		{"x-%{claim:a b}-%c", "x-AB-C"},
		{"$", "$"},
		{"$$", "$$"},
		{"a$b", "a$b"},
		{"$username", "$username"},
		{"$%u", "$U"},
		{"$${username}", "$U"},
		{"é%u漢", "éU漢"},
	} {
		tmpl, err := ParseClaimTemplate(tc.template)
		if err != nil {
			t.Errorf("ParseClaimTemplate(%q): %v", tc.template, err)
			continue
		}
		got, err := tmpl.Append([]byte(">"), c, claims)
		if err != nil || string(got) != ">"+tc.want {
			t.Errorf("%q yields %q, %v; want %q", tc.template, got, err, ">"+tc.want)
		}
		if got := tmpl.String(); got != tc.template {
			t.Errorf("String() = %q, want %q", got, tc.template)
		}
	}
}

func TestParseTemplateRefuses(t *testing.T) {
	for _, tc := range []struct {
		template string
		claims   bool
		want     string
	}{
		{"%", false, `position 1: unknown placeholder "%": known are %u, %c, %n and %%`},
		{"a%x", false, `position 2: unknown placeholder "%x": known are %u, %c, %n and %%`},
		{"%U", false, `position 1: unknown placeholder "%U": known are %u, %c, %n and %%`},
		{"%u/%", false, `position 4: unknown placeholder "%": known are %u, %c, %n and %%`},
		{"é${user}", false, `position 3: unknown placeholder "${user}": known are %u, %c, %n and %%`},
		{"${username", false, `position 1: unknown placeholder "${": known are %u, %c, %n and %%`},
		{"${Username}", false, `position 1: unknown placeholder "${Username}": known are %u, %c, %n and %%`},
		{"%{claim:sub}", false, `position 1: unknown placeholder "%{claim:sub}": known are %u, %c, %n and %%`},
		{"%{claim:}", true, `position 1: %{claim:NAME} wants a name and a closing brace`},
		{"%u%{claim:sub", true, `position 3: %{claim:NAME} wants a name and a closing brace`},
		{"%{username}", true, `position 1: unknown placeholder "%{username}": known are %u, %c, %n, %{claim:NAME} and %%`},
		{"%" + strings.Repeat("é", 1000), false, `position 1: unknown placeholder "%é": known are %u, %c, %n and %%`},
	} {
		parse := ParseTemplate
		if tc.claims {
			parse = ParseClaimTemplate
		}
		if tmpl, err := parse(tc.template); err == nil || err.Error() != tc.want || tmpl != nil {
			t.Errorf("parse %.40q: error %v, want %s", tc.template, err, tc.want)
		}
	}
}

func TestTemplateFailsWhereAnIdentityIsMissing(t *testing.T) {
	full := &Credentials{ClientID: []byte("C"), UserName: []byte("U"), HasUserName: true}
	for _, tc := range []struct {
		name, template string
		c              *Credentials
		claims         map[string]string
		want           string
	}{
		{"user name absent", "x%u", &Credentials{ClientID: []byte("C")}, nil, "%u has no value"},
		{"user name stale", "x%u", &Credentials{UserName: []byte("U")}, nil, "%u has no value"},
		{"user name empty", "x${username}", &Credentials{HasUserName: true}, nil, "%u has no value"},
		{"client id empty", "%u%c", &Credentials{UserName: []byte("U"), HasUserName: true}, nil, "%c has no value"},
		{"no certificate", "%u%n", full, nil, "%n has no value"},
		{"no claims", "%{claim:sub}", full, nil, "%{claim:sub} has no value"},
		{"claim absent", "%{claim:sub}", full, map[string]string{"x": "y"}, "%{claim:sub} has no value"},
		{"claim empty", "%c%{claim:sub}", full, map[string]string{"sub": ""}, "%{claim:sub} has no value"},
	} {
		tmpl, err := ParseClaimTemplate(tc.template)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tmpl.Append([]byte(">"), tc.c, tc.claims)
		if !errors.Is(err, ErrNoValue) || err.Error() != tc.want || string(got) != ">" {
			t.Errorf("%s: %q yields %q, %v; want %q as it was and %q", tc.name, tc.template, got, err, ">", tc.want)
		}
	}
}

func TestTemplateTellsWhatItUses(t *testing.T) {
	for _, tc := range []struct {
		template                 string
		user, clientID, certName bool
		claims                   []string
	}{
		{"plain %% $", false, false, false, nil},
		{"%%u %%c %%n", false, false, false, nil},
		{"%u", true, false, false, nil},
		{"a${clientid}", false, true, false, nil},
		{"a%n", false, false, true, nil},
		{"%u%c%n%{claim:b}%{claim:a}", true, true, true, []string{"b", "a"}},
	} {
		tmpl, err := ParseClaimTemplate(tc.template)
		if err != nil {
			t.Fatal(err)
		}
		if user, id := tmpl.UsesUserName(), tmpl.UsesClientID(); user != tc.user || id != tc.clientID {
			t.Errorf("%q uses user name %v, client id %v; want %v, %v", tc.template, user, id, tc.user, tc.clientID)
		}
		if got := tmpl.UsesCertName(); got != tc.certName {
			t.Errorf("%q uses the certificate's name %v, want %v", tc.template, got, tc.certName)
		}
		if got := tmpl.Claims(); !slices.Equal(got, tc.claims) {
			t.Errorf("%q wants claims %q, want %q", tc.template, got, tc.claims)
		}
	}
}

func TestZeroTemplateYieldsNothing(t *testing.T) {
	var tmpl Template
	if got, err := tmpl.Append(nil, &Credentials{}, nil); len(got) > 0 || err != nil {
		t.Errorf("got %q, %v; want nothing", got, err)
	}
}

func FuzzParseTemplate(f *testing.F) {
	for _, s := range []string{"", "%u", "a%cb", "${username}", "${clientid}", "%n", "%%", "$", "%{claim:x}", "%", "${", "%{claim:", "100%%$5"} {
		f.Add(s)
	}
	c := &Credentials{ClientID: []byte("C"), UserName: []byte("U"), HasUserName: true, CertName: "N"}
	f.Fuzz(func(t *testing.T, s string) {
		tmpl, err := ParseTemplate(s)
		if err != nil {
			var at int
			if _, scanErr := fmt.Sscanf(err.Error(), "position %d:", &at); scanErr != nil || at < 1 || at > len(s) || s[at-1] != '%' && s[at-1] != '$' {
				t.Fatalf("ParseTemplate(%q): %v: not the position of a placeholder", s, err)
			}
			return
		}
		if len(tmpl.Claims()) > 0 || tmpl.String() != s {
			t.Fatalf("ParseTemplate(%q): claims %q, source %q", s, tmpl.Claims(), tmpl)
		}
		got, err := tmpl.Append(nil, c, nil)
		if err != nil {
			t.Fatalf("%q: Append: %v", s, err)
		}
		// In what was accepted each %% is a per cent sign, and nothing else has one.
		want := strings.NewReplacer("%%", "%", "%u", "U", "%c", "C", "%n", "N", "${username}", "U", "${clientid}", "C").Replace(s)
		if string(got) != want {
			t.Fatalf("%q yields %q, want %q", s, got, want)
		}
		if _, err := ParseClaimTemplate(s); err != nil {
			t.Fatalf("ParseClaimTemplate(%q) refuses what ParseTemplate takes: %v", s, err)
		}
		_, err = tmpl.Append(nil, &Credentials{}, nil)
		if wants := tmpl.UsesUserName() || tmpl.UsesClientID() || tmpl.UsesCertName(); wants != errors.Is(err, ErrNoValue) {
			t.Fatalf("%q of nobody: %v, want an error: %v", s, err, wants)
		}
	})
}
