package main_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mqttward runs the command, with a text on its standard input, and returns what it wrote.
func mqttward(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("mqttward", args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("mqttward %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// usersAt is a part of a configuration with a file of users, and more keys of its table.
func usersAt(file string, more ...string) string {
	return fmt.Sprintf("[auth.builtin]\nusers_file = %q\n%s\n", file, strings.Join(more, "\n"))
}

// A password file is one for both programs, whichever of them wrote it or changed it last.
func TestPasswordFilesServeMosquittoAndMqttwardAlike(t *testing.T) {
	t.Parallel()
	program := needMosquitto(t, "mosquitto_passwd")[0]
	theirs := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			t.Fatalf("mosquitto_passwd: %v\n%s", err, out)
		}
	}
	file := filepath.Join(t.TempDir(), "users")
	mqttward(t, "of ours", "users", "add", file, "ours")
	mqttward(t, "to be changed", "users", "add", file, "changed by them")
	mqttward(t, "to be deleted", "users", "add", file, "deleted by them")
	theirs("-b", file, "theirs", "of theirs")
	theirs("-b", file, "changed by us", "to be changed")
	theirs("-b", file, "deleted by us", "to be deleted")
	theirs("-b", file, "changed by them", "changed")
	theirs("-D", file, "deleted by them")
	mqttward(t, "changed", "users", "passwd", file, "changed by us")
	mqttward(t, "", "users", "delete", file, "deleted by us")

	if got, want := mqttward(t, "", "users", "list", file), 4; strings.Count(got, "\tsha512-pbkdf2\n") != want {
		t.Errorf("the file has\n%swant %d users", got, want)
	}
	m := startMosquitto(t, "password_file "+file, "allow_anonymous false")
	b := startEmbedded(t)
	w := startWard(t, plainListener, upstreamAt(b.addr()), usersAt(file))
	for _, address := range []string{m.addr(), w.addr("plain")} {
		for user, password := range map[string]string{"ours": "of ours", "theirs": "of theirs", "changed by them": "changed", "changed by us": "changed"} {
			connect(t, address, profile{version: "3.1.1", id: "right", user: user, password: password}).disconnect()
			refusal(t, address, profile{version: "3.1.1", id: "wrong", user: user, password: "to be changed"})
		}
		for _, user := range []string{"deleted by them", "deleted by us"} {
			refusal(t, address, profile{version: "3.1.1", id: "gone", user: user, password: "to be deleted"})
		}
	}
	if log := m.log(); strings.Contains(log, "Error") {
		t.Errorf("mosquitto complains:\n%s", log)
	}
}

// What is imported from clear text is mosquitto's to read too.
func TestImportedPasswordsServeMosquitto(t *testing.T) {
	t.Parallel()
	from := writeFile(t, "emqx.csv", "user_id,password_hash,salt\njoe,hunter2,\n")
	file := filepath.Join(t.TempDir(), "users")
	mqttward(t, "", "users", "import", "-algorithm", "plain", from, file)
	m := startMosquitto(t, "password_file "+file, "allow_anonymous false")
	connect(t, m.addr(), profile{version: "5.0", id: "joe", user: "joe", password: "hunter2"}).disconnect()
	refusal(t, m.addr(), profile{version: "5.0", id: "joe", user: "joe", password: "hunter"})
}
