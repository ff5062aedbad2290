package auth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
)

func TestCredentialsNeverShowASecret(t *testing.T) {
	c := Credentials{
		ClientID: []byte("meter-1"),
		UserName: []byte(goodToken), HasUserName: true,
		Password: []byte("hunter22"), HasPassword: true,
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%o", "%U"} {
		fmt.Fprintf(&out, verb+" "+verb+"\n", c, &c)
	}
	fmt.Fprintln(&out, []Credentials{c}, []*Credentials{&c})
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("refused", "credentials", &c)
		slog.New(h).Info("refused", "credentials", c)
	}
	for _, secret := range []string{
		"hunter22", "68756e746572", "68756E746572", "104 117 110", "c2lnbmF0dXJl", "aHVudGVy", "150 165 156", "U+0068 U+0075",
	} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is in the output:\n%s", secret, &out)
		}
	}
}

func TestCredentialsLogValue(t *testing.T) {
	for _, tc := range []struct {
		name string
		c    Credentials
		want string
	}{
		{"all", Credentials{ClientID: []byte("c"), UserName: []byte("u\n"), HasUserName: true, HasPassword: true,
			Address: netip.MustParsePrefix("192.0.2.1/32")},
			`{"client_id":"c","username":"u\\u000a","has_password":true}`},
		{"stale user name", Credentials{ClientID: []byte("c"), UserName: []byte("u")}, `{"client_id":"c","has_password":false}`},
		{"token", Credentials{UserName: []byte(goodToken), HasUserName: true}, `{"client_id":"","username":"[jwt]","has_password":false}`},
	} {
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "c", &tc.c)
		var line struct{ C json.RawMessage }
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if got := string(line.C); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}
