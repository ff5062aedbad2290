package daemon

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"mqttward/proxy/proxytest"
)

// shownReloads is what the status tells of reloads.
type shownReloads struct {
	LastReloadSuccessful bool       `json:"last_reload_successful"`
	Success              *time.Time `json:"last_reload_success"`
	Failure              *struct {
		Time     time.Time
		Problems []string
		More     int
	} `json:"last_reload_failure"`
}

func (r *running) shownReloads() (shown shownReloads, text string) {
	r.t.Helper()
	_, text = r.ask("/status.json", "")
	var status struct{ Config shownReloads }
	if err := json.Unmarshal([]byte(text), &status); err != nil {
		r.t.Fatal(err)
	}
	return status.Config, text
}

// When a reload last failed, and why, is told in the words of the log, and when one last succeeded.
func TestStatusTellsOfReloads(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	good := plain(b.Addr()) + withAdmin
	r := runReloading(t, t.TempDir(), good)
	if got, _ := r.shownReloads(); !got.LastReloadSuccessful || got.Success != nil || got.Failure != nil {
		t.Errorf("before any: got %+v", got)
	}
	began := time.Now()
	r.reload(good+"[limits]\nx = 1\ny = 2\n", "the old configuration stays")
	failed, _ := r.shownReloads()
	if failed.LastReloadSuccessful || failed.Success != nil || failed.Failure == nil || failed.Failure.Time.Before(began) || failed.Failure.More != 0 {
		t.Fatalf("after one that failed: got %+v", failed)
	}
	if len(failed.Failure.Problems) != 2 {
		t.Errorf("problems: got %q, want two", failed.Failure.Problems)
	}
	for i, p := range failed.Failure.Problems {
		if want := fmt.Sprintf("c.toml:%d: limits.%c", 11+i, 'x'+i); !strings.HasPrefix(p, want) || !strings.Contains(r.log.String(), p) {
			t.Errorf("problem: got %q, want %q as in the log\n%s", p, want, r.log)
		}
	}
	r.reload(good, "reloaded\"")
	got, _ := r.shownReloads()
	if !got.LastReloadSuccessful || got.Success == nil || got.Failure == nil ||
		got.Success.Before(got.Failure.Time) || !got.Failure.Time.Equal(failed.Failure.Time) || !slices.Equal(got.Failure.Problems, failed.Failure.Problems) {
		t.Errorf("after one that succeeded: got %+v", got)
	}
}

// However much is wrong, some of it is told, and how much is not.
func TestTheProblemsOfAReloadAreBounded(t *testing.T) {
	d := &Daemon{}
	var all []string
	for i := range 3 * problemsKept {
		all = append(all, fmt.Sprintf("%d: %s", i, strings.Repeat("ö", problemSize)))
	}
	d.noteFailed(all)
	got := d.reloads()
	if len(got.Problems) != problemsKept || got.More != 2*problemsKept {
		t.Errorf("got %d and %d more", len(got.Problems), got.More)
	}
	for i, p := range got.Problems {
		if !utf8.ValidString(p) || len(p) > problemSize+len("…") || !strings.HasPrefix(p, fmt.Sprint(i)) || !strings.HasSuffix(p, "ö…") {
			t.Errorf("got %q", p)
		}
	}
	if all[0] == got.Problems[0] {
		t.Error("the log's own was cut")
	}
}

// No fault tells a secret that stands where it was found.
func TestFailedReloadsTellNoSecret(t *testing.T) {
	const secret = "hunter2hunter2hunter2"
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	good := plain(b.Addr()) + withAdmin
	dir := t.TempDir()
	r := runReloading(t, dir, good)
	write(t, dir+"/users", "alice:"+secret+"\nbob:$7$101$"+secret+"$"+secret+"\n")
	write(t, dir+"/key", secret)
	for _, fault := range []string{
		"[auth.jwt]\nsecret = " + secret + "\n",
		"[auth.jwt]\nsecret = \"" + secret + "\n",
		"[auth.jwt]\nsecret = [\"" + secret + "\"]\n",
		"[auth.jwt]\nsecrets = \"" + secret + "\"\n",
		"[auth.jwt]\npublic_key_file = \"key\"\n",
		"[auth.jwt]\njwks_url = \"ftp://user:" + secret + "@id.example.org/" + secret + "\"\n",
		"[auth.builtin]\nusers_file = \"users\"\n",
		"[[auth.builtin.user]]\nname = \"u\"\npassword_hash = \"" + secret + "\"\n",
		"[upstream.credentials]\nmode = \"strip\"\npassword = \"" + secret + "\"\n",
	} {
		r.reload(good+fault, "the old configuration stays")
		got, text := r.shownReloads()
		if got.Failure == nil || len(got.Failure.Problems) == 0 || strings.Contains(text, secret) {
			t.Errorf("%sgot %+v in\n%s", fault, got.Failure, text)
		}
	}
	if strings.Contains(r.log.String(), secret) {
		t.Errorf("the secret is in the log:\n%s", r.log)
	}
}
