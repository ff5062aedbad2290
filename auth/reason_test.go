package auth

import (
	"regexp"
	"testing"
)

func TestReasonsHaveDistinctWords(t *testing.T) {
	word := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[string]Reason{None.String(): None}
	for _, r := range Reasons() {
		s := r.String()
		if !word.MatchString(s) || s == "unknown" {
			t.Errorf("Reason(%d) = %q, want a word in snake_case", r, s)
		}
		if other, ok := seen[s]; ok {
			t.Errorf("Reason(%d) and Reason(%d) are both %q", other, r, s)
		}
		seen[s] = r
	}
	if got, want := len(seen), int(numReasons); got != want {
		t.Errorf("%d reasons with None, want %d", got, want)
	}
}

func TestReasonBeyondTheSetIsUnknown(t *testing.T) {
	if got, want := numReasons.String(), "unknown"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
