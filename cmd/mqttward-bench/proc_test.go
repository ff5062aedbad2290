package main

import (
	"strings"
	"testing"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 4711 4711 0 -1 4194560 2211 0 3 0 120 45 9999 9999 20 0 7 0 308 1267752960 2816 18446744073709551615"
	for _, name := range []string{"(nginx)", "(a b)", "(x) R 5 6 7)", "()"} {
		if group, err := parseStat("4712 " + name + rest); group != 4711 || err != nil {
			t.Errorf("stat of %q: got group %d, %v; want group 4711, nil", name, group, err)
		}
	}
	for _, text := range []string{"", "4712 (nginx) S 1", "4712 nginx" + rest, "4712 (nginx)" + strings.Replace(rest, "1 4711", "1 x", 1)} {
		if _, err := parseStat(text); err == nil {
			t.Errorf("stat %q: got no error", text)
		}
	}
}

func TestParseKilobytes(t *testing.T) {
	const text = `00400000-7ffd0f3f9000 ---p 00000000 00:00 0                    [rollup]
Rss:               13104 kB
Pss:               12345 kB
Pss_Dirty:          9000 kB
Slab:                  3 kB
`
	got, err := parseKilobytes([]byte(text), "Pss")
	if want := int64(12345 * 1024); got != want || err != nil {
		t.Errorf("Pss: got %d, %v; want %d, nil", got, err, want)
	}
	got, err = parseKilobytes([]byte(text), "Pss", "Slab")
	if want := int64(12348 * 1024); got != want || err != nil {
		t.Errorf("Pss and Slab: got %d, %v; want %d, nil", got, err, want)
	}
	for _, c := range []struct{ text, name string }{
		{text, "Swap"}, {"Pss: many kB\n", "Pss"}, {"Pss: 5 MB\n", "Pss"}, {"Pss: 5\n", "Pss"},
	} {
		if _, err := parseKilobytes([]byte(c.text), c.name); err == nil {
			t.Errorf("%s of %q: got no error", c.name, c.text)
		}
	}
}
