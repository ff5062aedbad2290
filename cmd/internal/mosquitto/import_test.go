package mosquitto

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// imported is what comes of a configuration in a folder of its own.
func imported(t *testing.T, text string) (toml, notes string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	toml, all, err := Import(path)
	return toml, strings.Join(all, "\n"), err
}

func TestImport(t *testing.T) {
	for _, tc := range []struct {
		name, conf string
		want       string // in the TOML
		never      string // not in the TOML
		note       string // in the notes; empty for none
	}{
		{"nothing", "", "bind = \"127.0.0.1:1883\"\n", "users_file", ""},
		{"nothing is said of strangers", "", "allow_anonymous = true", "", ""},
		{"a listener alone", "listener 1883", "bind = \":1883\"\n", "\nallow_anonymous", "to let everybody in, allow_anonymous = true below [auth]"},
		{"port", "port 1888\nbind_address 10.0.0.1\nallow_anonymous true", "bind = \"10.0.0.1:1888\"", "", ""},
		{"port beside a listener", "port 1888\nlistener 1889\nallow_anonymous true", "name = \"mqtt-1888\"\nbind = \":1888\"\n\n[[listener]]\nname = \"mqtt-1889\"", "", ""},
		{"IPv6", "listener 1883 ::1\nallow_anonymous true", `bind = "[::1]:1883"`, "", ""},
		{"tabs and blanks", "  listener\t1883   127.0.0.1  \r\nallow_anonymous   true", `bind = "127.0.0.1:1883"`, "", ""},
		{"comments behind values", "listener 1883 10.0.0.1 # a\nlistener 1885 # b\nport 1887 # d\nallow_anonymous true # e", "bind = \"10.0.0.1:1883\"\n\n[[listener]]\nname = \"mqtt-1885\"\nbind = \":1885\"\n", "# b", ""},
		{"a comment behind a number", "listener 1883\nmax_connections 7 # c\nallow_anonymous true", "max_connections = 7", "# c", ""},
		{"a number for a word", "listener 1883\nallow_anonymous 1", "allow_anonymous = true", "", ""},
		{"the last says it", "listener 1883\nallow_anonymous true\nallow_anonymous false\npassword_file /x", "users_file = \"/x\"", "\nallow_anonymous", ""},
		{"both", "listener 1883\nallow_anonymous true\npassword_file /x", "allow_anonymous = true\n\n[auth.builtin]\nusers_file = \"/x\"", "", "write allow_anonymous = false below [auth], and only the users of users_file come in"},
		{"a path with a dollar and quotes", "listener 1883\npassword_file /a\"b/${HOME}", `users_file = "/a\"b/$${HOME}"`, "", ""},
		{"TLS without client certificates", "listener 8883\ncertfile /c\nkeyfile /k\ncafile /a\nallow_anonymous true", "[listener.tls]\ncert_file = \"/c\"\nkey_file = \"/k\"\n", "client_auth", ""},
		{"revoked certificates", "listener 8883\ncertfile /c\nkeyfile /k\ncafile /a\ncrlfile /r\nrequire_certificate true\nallow_anonymous true", "client_ca_file = \"/a\"\ncrl_file = \"/r\"\n", "", ""},
		{"revoked certificates that nobody shows", "listener 8883\ncertfile /c\nkeyfile /k\ncrlfile /r\nallow_anonymous true", "key_file = \"/k\"\n", "crl_file", ""},
		{"two on one port", "listener 1883 10.0.0.1\nlistener 1883 10.0.0.2\nallow_anonymous true", `name = "mqtt-1883-2"`, "", ""},
		{"the broker's port is free", "listener 1884\nlistener 1885\nallow_anonymous true", "addresses = [\"127.0.0.1:1886\"]", "", ""},
		{"one limit", "listener 1883\nmax_connections 7\nallow_anonymous true", "max_connections = 7", "", ""},
		{"no limit", "listener 1883\nmax_connections -1\nallow_anonymous true", "", "max_connections", ""},
		{"what a bridge has is not ours", "listener 1883\nallow_anonymous true\nconnection x\nbridge_cafile /x\ncafile /y\npassword z", "", "/y", "bridges stay with the broker"},
		{"who may connect, behind a bridge", "listener 1883\nallow_anonymous true\nconnection x\naddress y\npassword_file /z\ncafile /y\nallow_anonymous false", "users_file = \"/z\"", "\nallow_anonymous", "bridges stay with the broker"},
		{"strangers behind a bridge, with no listener", "connection x\naddress y\nallow_anonymous false\npassword_file /z", "users_file = \"/z\"", "\nallow_anonymous", "bridges stay with the broker"},
		{"a plugin's options are secret", "listener 1883\nallow_anonymous true\nauth_plugin /x.so\nauth_opt_jwt_secret hunter2", "", "hunter2", "mqttward runs no plugin"},
	} {
		toml, notes, err := imported(t, tc.conf)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if !strings.Contains(toml, tc.want) || tc.never != "" && strings.Contains(toml, tc.never) {
			t.Errorf("%s: got\n%swant %q and not %q", tc.name, toml, tc.want, tc.never)
		}
		if (tc.note == "") != (notes == "") || !strings.Contains(notes, tc.note) || strings.Contains(notes, "hunter2") {
			t.Errorf("%s: notes %q, want %q", tc.name, notes, tc.note)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	for conf, want := range map[string]string{
		"listener x":                                     `"x" is not a port`,
		"listener 65536":                                 `"65536" is not a port`,
		"allow_anonymous yes":                            `"yes" is neither true nor false`,
		"listener 1883\nname \x1b[2J":                    "the line is no text",
		"listener 1883\n\xffname x":                      "the line is no text",
		"tls_version sslv3":                              `"sslv3" is unknown`,
		"include_dir absent":                             "absent",
		"listener 9001\nprotocol websockets":             "no listener that mqttward could take over",
		"listener 1883\nx " + strings.Repeat("y", 1<<17): "too long",
	} {
		if toml, _, err := imported(t, conf); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q; got\n%s", conf, err, want, toml)
		}
	}
}

func TestImportEndsWhereFoldersIncludeThemselves(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "mosquitto.conf")
	if err := os.WriteFile(path, []byte("include_dir .\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Import(path); err == nil || !strings.Contains(err.Error(), "too many files") {
		t.Errorf("error = %v", err)
	}
}
