package config

import "testing"

// TestMistakes shows what a person is told for each mistake: the exact line.
func TestMistakes(t *testing.T) {
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			if got := problemLines(t, m.src, environment("EMPTY=", "BIND=0.0.0.0:1")); got != m.want {
				t.Errorf("source:\n%s\n got %s\nwant %s", m.src, got, m.want)
			}
		})
	}
}
