package secure

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"mqttward/proxy/proxytest"
)

// key is a line of a file of keys.
func key(b byte, n int) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(b)), n)))
}

func TestTicketKeysBelongToAListenerAndItsAuthorities(t *testing.T) {
	a, b := proxytest.NewCA(t, "a").Certificate(), proxytest.NewCA(t, "b").Certificate()
	keys, err := ParseTicketKeys([]byte("# first\r\n" + key('x', 32) + "\r\n\n  " + key('y', 64) + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprintf("%v %+v %#v %s", keys, keys, keys, keys); strings.Contains(s, "120") || strings.Contains(s, "xx") {
		t.Errorf("a key is printed: %s", s)
	}
	set := func(c ...*x509.Certificate) []*x509.Certificate { return c }
	base := keys.For("mqtts", set(a, b))
	if len(base) != 2 || base[0] == base[1] {
		t.Fatalf("got %d keys, want two different ones", len(base))
	}
	for name, tc := range map[string]struct {
		listener    string
		authorities []*x509.Certificate
		same        bool
	}{
		"the same":            {"mqtts", set(a, b), true},
		"another order":       {"mqtts", set(b, a), true},
		"an authority twice":  {"mqtts", set(a, b, a), true},
		"another listener":    {"mqtt", set(a, b), false},
		"one authority less":  {"mqtts", set(a), false},
		"no client authority": {"mqtts", nil, false},
	} {
		got := keys.For(tc.listener, tc.authorities)
		if same := got[0] == base[0] && got[1] == base[1]; same != tc.same {
			t.Errorf("%s: the same keys %v, want %v", name, same, tc.same)
		}
		if !tc.same && (got[0] == base[0] || got[1] == base[1]) {
			t.Errorf("%s: a key is the same", name)
		}
	}
}

func TestFaultyTicketKeys(t *testing.T) {
	good := key('k', 32)
	many := ""
	for i := range 17 {
		many += key(byte('a'+i), 32) + "\n"
	}
	for name, tc := range map[string]struct{ text, want string }{
		"empty":         {"", "holds no key"},
		"comments only": {"# none\n\n", "holds no key"},
		"not base64":    {good + "\nhunter2!\n", "line 2 is not base64"},
		"no padding":    {good[:len(good)-1], "line 1 is not base64"},
		"too short":     {key('k', 31), "line 1 has 31 bytes"},
		"too long":      {key('k', 65), "line 1 has 65 bytes"},
		"twice":         {good + "\n#\n" + good, "line 3: the key stands in the file already"},
		"too many":      {many, "line 17: 16 keys are the most"},
	} {
		_, err := ParseTicketKeys([]byte(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, tc.want)
		}
		if err != nil && (strings.Contains(err.Error(), good[:8]) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: the error quotes a key: %v", name, err)
		}
	}
}
