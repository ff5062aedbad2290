package daemon

import (
	"strings"
	"testing"
)

func TestClientIDRuleThatCannotHold(t *testing.T) {
	dir := files(t)
	for _, tc := range []struct{ name, text, want string }{
		{"a claim without tokens", "client_id_must = \"%{claim:sub}\"\n" + alice, "c.toml:8: auth.client_id_must: %{claim:sub} wants an [auth.jwt]: nobody else has claims"},
		{"the token itself", "client_id_must = \"%u\"\n[auth.jwt]\nfrom = \"username\"\nsecret_file = \"secret\"\n",
			`c.toml:8: auth.client_id_must: %u is the token itself where auth.jwt.from = "username": name a claim, such as %{claim:sub}`},
		{"the client id itself", "client_id_must = \"%c\"\n" + alice, "c.toml:8: auth.client_id_must: %c is the client id itself: write %u, %n or %{claim:NAME}"},
		{"every client id", "client_id_must = \"*\"\n" + alice, `c.toml:8: auth.client_id_must: "*" binds no client to its id: write %u, %u-*, %n or %{claim:NAME}`},
		{"an unknown placeholder", "client_id_must = \"%x\"\n" + alice, `c.toml:8: auth.client_id_must: position 1: unknown placeholder "%x": known are %u, %c, %n, %{claim:NAME} and %%`},
	} {
		d, err := New(parse(t, dir, base+"[auth]\n"+tc.text), Options{})
		if err == nil {
			d.Close()
			t.Errorf("%s: no error", tc.name)
			continue
		}
		if got := strings.ReplaceAll(err.Error(), dir+"/", ""); got != tc.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tc.name, got, tc.want)
		}
	}
}
