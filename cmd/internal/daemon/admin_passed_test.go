//go:build unix

package daemon

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"mqttward/config"
	"mqttward/proxy/proxytest"
)

// A socket that systemd has opened may be open to more than the address of the configuration, for which
// no token was asked.
func TestAnAdminSocketThatOthersReachWantsAToken(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	c := parse(t, t.TempDir(), plain(b.Addr())+"[admin]\nbind = \"127.0.0.1:0\"\ntoken = \"0123456789abcdef\"\n")
	d, err := New(c, Options{Log: NewLogger(config.Log{}, &logText{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	for bind, exposed := range map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true} {
		l, err := net.Listen("tcp4", bind)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for _, token := range []bool{false, true} {
			f, err := l.(*net.TCPListener).File()
			if err != nil {
				t.Fatal(err)
			}
			err = d.admin.listen(t.Context(), f, token)
			f.Close()
			d.admin.listener.Close()
			if wanted := exposed && !token; wanted != (err != nil) {
				t.Errorf("%s, with a token %v: got %v, want an error: %v", bind, token, err, wanted)
			}
		}
		d.swapAdmin(c.Admin)
		without := c.Admin
		without.Token = config.Secret{}
		d.swapAdmin(without)
		want, w := http.StatusFound, httptest.NewRecorder()
		if exposed {
			want = http.StatusUnauthorized
		}
		d.admin.server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/", nil))
		if w.Code != want {
			t.Errorf("%s, after a reload without a token: got %d, want %d", bind, w.Code, want)
		}
	}
}
