package admin

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"
)

//go:embed assets
var assets embed.FS

// page is the template of /status for people. Its errors are ours, and a test finds them.
var page = template.Must(template.New("status.html").Funcs(template.FuncMap{
	"clock": func(t time.Time) string { return t.Format("2006-01-02 15:04:05") },
	"count": count,
	"bytes": byteCount,
	"since": since,
}).ParseFS(assets, "assets/status.html"))

// view is what the page shows.
type view struct {
	status
	Word     string
	Chart    chart
	Sessions int
}

func (s *Server) servePage(w http.ResponseWriter, st status, word string) {
	v := view{status: st, Word: word, Chart: newChart(st.Refusals)}
	for _, l := range st.Listeners {
		v.Sessions += sum(l.Sessions)
	}
	var body bytes.Buffer // an error must not leave half a page
	if err := page.Execute(&body, v); err != nil {
		text(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body.Bytes())
}

// serveAsset serves what the page needs.
func serveAsset(w http.ResponseWriter, name, kind string) {
	body, err := assets.ReadFile("assets/" + name)
	if err != nil { // it was embedded
		text(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	w.Header().Set("Content-Type", kind+"; charset=utf-8")
	_, _ = w.Write(body)
}

// count groups a number's digits.
func count(n any) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return digits
}

// byteCount shows a number of bytes with three digits.
func byteCount(n uint64) string {
	v, units := float64(n), []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	for v >= 999.5 && len(units) > 1 {
		v, units = v/1000, units[1:]
	}
	if units[0] == "B" || v >= 99.95 {
		return fmt.Sprintf("%.0f\u202f%s", v, units[0])
	}
	return fmt.Sprintf("%.1f\u202f%s", v, units[0])
}

// since shows how long ago t was, or how long it is until then, in its two largest units.
func since(now, t time.Time) string {
	d := now.Sub(t).Round(time.Second).Abs()
	day := 24 * time.Hour
	switch {
	case d >= day:
		return fmt.Sprintf("%d\u202fd %d\u202fh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%d\u202fh %d\u202fmin", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d\u202fmin %d\u202fs", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d\u202fs", d/time.Second)
}
