package admin

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/proxy"
)

// chromium finds a browser, or skips the test.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium is installed")
	return ""
}

// browse has a browser do something with a page, and returns what it prints. It fails where the
// page breaks its own policy.
func browse(t *testing.T, url string, flags ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium(t), append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
		"--disable-background-networking", "--hide-scrollbars", "--enable-logging=stderr",
		"--user-data-dir=" + t.TempDir(), "--window-size=1360,1100",
	}, append(flags, url)...)...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the browser complains: %s", line)
		}
	}
	return stdout.String()
}

// asked is what a page was asked for.
type asked struct {
	mu   sync.Mutex
	urls []string
}

// serveBusy serves a busy server to a browser; before each page, more is called with how many
// there were.
func serveBusy(t *testing.T, s *Server, more func(pages int)) (url string, a *asked) {
	a = &asked{}
	pages := 0
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.urls = append(a.urls, r.URL.String())
		if r.URL.Path == "/status" {
			if more != nil {
				more(pages)
			}
			pages++
		}
		a.mu.Unlock()
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	return h.URL, a
}

// The page looks as it should: its style is in force, and the chart is drawn. The picture is left
// where MQTTWARD_SCREENSHOT says.
func TestPageInABrowser(t *testing.T) {
	url, _ := serveBusy(t, busy(t), nil)
	file := os.Getenv("MQTTWARD_SCREENSHOT")
	if file == "" {
		file = filepath.Join(t.TempDir(), "status.png")
	}
	browse(t, url+"/status", "--screenshot="+file)
	expectPicture(t, file)
}

// Without its script the page is the same.
func TestPageWithoutItsScript(t *testing.T) {
	const script = `<script src="/status.js" defer></script>`
	s := busy(t)
	with := pageOf(t, s, "")
	without := strings.Replace(with, script, "", 1)
	if without == with {
		t.Fatal("the page has no script")
	}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/status" {
			_, _ = io.WriteString(w, without)
			return
		}
		s.ServeHTTP(w, r)
	}))
	defer h.Close()
	file := filepath.Join(t.TempDir(), "status.png")
	browse(t, h.URL+"/status", "--screenshot="+file)
	expectPicture(t, file)
}

// expectPicture wants the colours of a page with all that a busy server shows.
func expectPicture(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		colour color.RGBA
		least  int
	}{
		"the page's ground":        {color.RGBA{0xf6, 0xf7, 0xf8, 255}, 50_000},
		"the cards":                {color.RGBA{255, 255, 255, 255}, 200_000},
		"the most frequent reason": {color.RGBA{0x3b, 0x76, 0xc4, 255}, barWidth * barsHeight / 4},
		"another reason":           {color.RGBA{0xd9, 0x79, 0x2b, 255}, barWidth * barsHeight / 8},
		"that an address is down":  {color.RGBA{0xb3, 0x26, 0x1e, 255}, 10},
		"that clients may be sent": {color.RGBA{0x19, 0x76, 0x3a, 255}, 10},
	} {
		if n := pixels(picture, tc.colour); n < tc.least {
			t.Errorf("%s: %d pixels of %v, want at least %d", name, n, tc.colour, tc.least)
		}
	}
}

func pixels(p image.Image, c color.RGBA) (n int) {
	b := p.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := p.At(x, y).RGBA()
			if uint8(r>>8) == c.R && uint8(g>>8) == c.G && uint8(bl>>8) == c.B {
				n++
			}
		}
	}
	return n
}

// While somebody looks, the script brings what is new, and keeps to the word that was asked for.
func TestPageRefreshesItself(t *testing.T) {
	s := busy(t)
	url, a := serveBusy(t, s, func(pages int) {
		if pages == 1 { // the page is there already
			s.recorder.Refused(proxy.Refusal{Time: time.Unix(1_700_000_050, 0), ClientID: "meter-new", Listener: "mqtt", Reason: auth.Busy})
			s.recorder.Refused(proxy.Refusal{Time: time.Unix(1_700_000_050, 0), ClientID: "other", Listener: "mqtt", Reason: auth.Busy})
		}
	})
	dom := browse(t, url+"/status?q=meter", "--virtual-time-budget=12000", "--dump-dom")
	if !strings.Contains(dom, "meter-new") || strings.Contains(dom, ">other<") {
		t.Errorf("the page was not brought up to date:\n%s", dom)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, u := range a.urls {
		if strings.HasPrefix(u, "/status?") && u != "/status?q=meter" {
			t.Errorf("the script asked for %s", u)
		}
	}
}

// A client that calls itself a script stays a name.
func TestPageRunsNoClientsScript(t *testing.T) {
	s := busy(t)
	s.recorder.Refused(proxy.Refusal{
		Time: time.Unix(1_700_000_009, 0), ClientID: `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`,
		Listener: "mqtt", Reason: auth.Busy,
	})
	url, _ := serveBusy(t, s, nil)
	dom := browse(t, url+"/status", "--virtual-time-budget=7000", "--dump-dom")
	if strings.Contains(dom, "<title>owned") || !strings.Contains(dom, "&lt;script&gt;") {
		t.Errorf("got\n%s", dom)
	}
}
