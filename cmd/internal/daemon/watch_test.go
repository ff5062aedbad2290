package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/config"
	"mqttward/proxy/proxytest"
)

// watched is a daemon that watches its files, and has none of them but by their change.
type watched struct {
	*running
	t   *testing.T
	dir string
}

func runWatched(t *testing.T, dir, text string, every time.Duration) *watched {
	t.Helper()
	write(t, filepath.Join(dir, "c.toml"), text)
	load := func() (*config.Config, error) {
		return config.Load(filepath.Join(dir, "c.toml"), config.LoadOptions{LookupEnv: func(string) (string, bool) { return "", false }})
	}
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	log := &logText{}
	d, err := New(c, Options{Log: NewLogger(c.Log, log), Load: load})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	d.lookEvery = every
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &watched{serve(t, d, log), t, dir}
}

// put replaces a file as people do who care, and waits for what the log tells.
func (w *watched) put(name, text, told string) {
	w.t.Helper()
	before := len(w.log.String())
	write(w.t, filepath.Join(w.dir, "new"), text)
	if err := os.Rename(filepath.Join(w.dir, "new"), filepath.Join(w.dir, name)); err != nil {
		w.t.Fatal(err)
	}
	proxytest.Eventually(w.t, told+" in the log", func() bool { return strings.Contains(w.log.String()[before:], told) })
}

// often is between two looks of a test that has to wait for them.
const often = 20 * time.Millisecond

const watchOn = "[reload]\nwatch = true\n"

// Nobody sends a signal: files that change are read, faulty ones change nothing, and a fault is told
// once. What a faulty configuration names is watched too.
func TestFilesAreWatched(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "users"), "alice:"+aliceHash+"\n")
	text := withUsers(b.Addr())
	w := runWatched(t, dir, text+watchOn, often)
	answer := func(user string, want byte) {
		t.Helper()
		r := reloading{running: w.running}
		if got := r.answer(user, "wonderland"); got != want {
			t.Errorf("%s: got %d, want %d", user, got, want)
		}
	}
	answer("bob", 5)
	w.put("users", "alice:"+aliceHash+"\nbob:"+aliceHash+"\n", "reloaded\"")
	answer("bob", 0)

	w.put("users", "alice:"+aliceHash+"\nbob:half a li", "the old configuration stays")
	if !w.reloads().LastFailed() {
		t.Error("the metric says that the last reload was good")
	}
	answer("bob", 0)
	told := strings.Count(w.log.String(), "the old configuration stays")
	time.Sleep(10 * often)
	if n := strings.Count(w.log.String(), "the old configuration stays"); n != told {
		t.Errorf("the same fault was told %d times, want %d", n, told)
	}
	w.put("users", "alice:"+aliceHash+"\n", "reloaded\"")
	answer("bob", 5)

	// The configuration names a file that is not there yet.
	w.put("c.toml", text+watchOn+"[auth.jwt]\nsecret_file = \"secret\"\n", "the old configuration stays")
	w.put("secret", "0123456789abcdef", "reloaded\"")
	if w.generation().jwt == nil {
		t.Error("the new configuration is not in force")
	}
	w.put("c.toml", text+"[reload]\nwatch = false\n", "reloaded\"")
	write(t, filepath.Join(dir, "users"), "carol:"+aliceHash+"\n")
	before := w.log.String()
	time.Sleep(10 * often)
	if got := w.log.String(); got != before {
		t.Errorf("with the watch off, the log went on with\n%s", got[len(before):])
	}
}

// A certificate is renewed without a signal, its key after it; and so is what the broker is shown.
func TestCertificatesAreWatched(t *testing.T) {
	proxytest.CheckLeaks(t)
	f := newFleet(t)
	w := runWatched(t, f.dir, f.listener("mqtts", "")+f.upstream()+watchOn, time.Second/2)
	before := w.tls[0]
	cert := f.ca.Issue("renewed")
	other := t.TempDir()
	proxytest.WriteFiles(t, cert, filepath.Join(other, "cert.pem"), filepath.Join(other, "key.pem"))
	for _, name := range []string{"cert.pem", "key.pem"} {
		if err := os.Rename(filepath.Join(other, name), filepath.Join(f.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	w.awaitLog(`"reloaded"`)
	if strings.Contains(w.log.String(), "stays in force") {
		t.Errorf("a certificate was read without its key:\n%s", w.log)
	}
	if w.generation().tls[0].sum == before.sum {
		t.Error("the certificate is the old one")
	}
}

// What changes is told once it rests, or has gone on for too long, and once.
func TestWatchWaitsForRest(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	synctest.Test(t, func(t *testing.T) {
		write(t, a, "1")
		write(t, b, "1")
		w := newWatch(lookEvery)
		go w.run(t.Context())
		w.follow([]config.File{config.LookAt(a), config.LookAt(b)})
		size := 1
		// grow changes a file and lets a look pass.
		grow := func(path string) {
			size++
			write(t, path, strings.Repeat("x", size))
			time.Sleep(lookEvery)
			synctest.Wait()
		}
		told := func(want ...string) {
			t.Helper()
			synctest.Wait()
			select {
			case got := <-w.changed:
				if !slices.Equal(got, want) {
					t.Errorf("told of %q, want %q", got, want)
				}
			default:
				if want != nil {
					t.Errorf("told of nothing, want %q", want)
				}
			}
		}
		time.Sleep(10*lookEvery + lookEvery/2)
		told()
		grow(a)
		told() // it may still be written
		time.Sleep(lookEvery)
		told(a)
		time.Sleep(10 * lookEvery)
		told() // once

		for range 5 {
			grow(b)
			told()
			grow(a)
			told()
		}
		time.Sleep(lookEvery)
		told(a, b)

		for range int(settleWithin / lookEvery) {
			grow(a) // without rest
			told()
		}
		grow(a)
		told(a)

		// A reload reads what has changed in the meantime.
		grow(b)
		w.follow([]config.File{config.LookAt(a), config.LookAt(b)})
		time.Sleep(5 * lookEvery)
		told()
		// And one that was read before the change is seen to be so.
		old := []config.File{config.LookAt(a), config.LookAt(b)}
		write(t, b, "longer than it was before")
		w.follow(old)
		time.Sleep(2 * lookEvery)
		told(b)
		if err := os.Remove(a); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * lookEvery)
		told(a)
		w.follow(nil)
		write(t, a, "back")
		time.Sleep(5 * lookEvery)
		told()
	})
}

// A look costs little, so that a second between two is no matter.
func BenchmarkLook(b *testing.B) {
	dir := b.TempDir()
	var files []config.File
	for _, name := range strings.Split("abcdefghij", "") {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			b.Fatal(err)
		}
		files = append(files, config.LookAt(path))
	}
	var u unrest
	for b.Loop() {
		if names, _ := u.look(files, 1); len(names) > 0 {
			b.Fatal(names)
		}
	}
}
