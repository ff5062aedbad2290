package config

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted stands wherever a secret would be printed, set or not.
const redacted = "[redacted]"

// Secret is a text that nothing prints: fmt, log/slog and encoding/json all yield
// [redacted]. The zero value is a secret that was not configured.
type Secret struct {
	// A pointer, since fmt calls no method of a value in an unexported field of another
	// package: it would print the text itself, and of a pointer it prints the address.
	text *string
}

// NewSecret returns a secret that holds text; the empty text is "not configured".
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// IsSet reports whether the secret was configured.
func (s Secret) IsSet() bool { return s.text != nil }

// Reveal returns a copy of the secret's bytes, nil where it was not configured.
func (s Secret) Reveal() []byte {
	if s.text == nil {
		return nil
	}
	return []byte(*s.text)
}

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (s Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
