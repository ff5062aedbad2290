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

// sources is a source with source addresses.
func sources(list string) string {
	return without("[auth", "secret") + "source_addresses = [" + list + "]\n[auth]\nallow_anonymous = true\n"
}
