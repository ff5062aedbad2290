//go:build linux

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// charted is the example with its columns in a chart.
func charted() *sheet {
	s := example()
	s.title, s.chart = "Example <1> & more: whatever", []string{"µs", "rate"}
	s.add("one", routeNginx, sample{"rate": 8000})
	return s
}

// elements parses an image, and returns the words of its texts, and how many elements it has of
// a name.
func elements(t *testing.T, picture []byte) (texts []string, count map[string]int) {
	t.Helper()
	count = map[string]int{}
	d := xml.NewDecoder(bytes.NewReader(picture))
	inText := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts, count
		}
		if err != nil {
			t.Fatalf("not XML: %v\n%s", err, picture)
		}
		switch e := token.(type) {
		case xml.StartElement:
			inText = e.Name.Local == "text"
			count[e.Name.Local]++
		case xml.EndElement:
			inText = false
		case xml.CharData:
			if inText {
				texts = append(texts, string(e))
			}
		}
	}
}

func TestChartHasTheRatios(t *testing.T) {
	picture, err := drawChart([]*sheet{charted(), {title: "Nothing"}})
	if err != nil {
		t.Fatal(err)
	}
	texts, count := elements(t, picture)
	// 9/12, 410/810 and 8000/810; no row for "two", which haproxy has not measured.
	want := []string{"Ratios to haproxy: shorter is better, but for rates (MB/s)", routeMqttward, routeNginx,
		"Example <1> & more", "one: µs", "0.75", "one: rate", "0.51", "9.88"}
	if got := strings.Join(texts, "|"); got != strings.Join(want, "|") {
		t.Errorf("got texts\n%s\nwant\n%s", got, strings.Join(want, "|"))
	}
	// The page, two of the legend, three bars.
	if count["rect"] != 6 || count["line"] != 1 || count["script"]+count["image"]+count["a"] != 0 {
		t.Errorf("got elements %v, want 6 rect, 1 line, and nothing that acts or is loaded", count)
	}
	for _, want := range []string{"prefers-color-scheme: dark", `fill="#2f81f7"`} {
		if !bytes.Contains(picture, []byte(want)) {
			t.Errorf("%q is not in\n%s", want, picture)
		}
	}
	// The line of 1 is as long as the page has bars.
	if want := []byte(`<line class="one" x1="490" y1="50" x2="490" y2="119"/>`); !bytes.Contains(picture, want) {
		t.Errorf("%s is not in\n%s", want, picture)
	}
	// A bar that is too long ends where the cap is.
	if want := []byte(`width="330" height="9" fill="#8b949e"`); !bytes.Contains(picture, want) {
		t.Errorf("%s is not in\n%s", want, picture)
	}
	again, err := drawChart([]*sheet{charted(), {title: "Nothing"}})
	if err != nil || !bytes.Equal(picture, again) {
		t.Errorf("the second of two charts of the same differs, %v", err)
	}
}

func TestChartOfNothingIsAnError(t *testing.T) {
	s := &sheet{title: "No haproxy", column: []string{"µs"}, chart: []string{"µs"}}
	s.add("one", routeMqttward, sample{"µs": 3})
	for _, sheets := range [][]*sheet{nil, {s}} {
		if picture, err := drawChart(sheets); err == nil {
			t.Errorf("got no error, and\n%s", picture)
		}
	}
}

func TestEveryRouteThatIsComparedHasAColour(t *testing.T) {
	for _, name := range routeNames() {
		want := name != routeDirect && name != routeHAProxy
		if got := colour(name) != ""; got != want {
			t.Errorf("%s: got a colour %t, want %t", name, got, want)
		}
	}
}

func TestChartNeedsHAProxy(t *testing.T) {
	var out, complaint strings.Builder
	code := run(t.Context(), []string{"refuse", "-svg", t.TempDir() + "/chart.svg", "-routes", "mqttward"}, strings.NewReader(""), &out, &complaint)
	if code == exitOK || !strings.Contains(complaint.String(), "haproxy") {
		t.Errorf("a chart without haproxy: got code %d, %q; want an error that says what is missing", code, complaint.String())
	}
}
