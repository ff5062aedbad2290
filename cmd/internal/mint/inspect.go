package mint

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Inspect describes what is in a token, in lines: header and payload as they are, and what its
// times mean at now. The signature is neither shown nor checked.
func Inspect(token string, now time.Time) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", fmt.Errorf("no token: it has %d parts between dots, not 3", len(parts))
	}
	var out strings.Builder
	for i, name := range [...]string{"header", "payload"} {
		text, err := indent(parts[i])
		if err != nil {
			return "", fmt.Errorf("the %s %w", name, err)
		}
		fmt.Fprintf(&out, "%s\n%s\n", name, text)
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(parts[2]); err != nil || strings.ContainsAny(parts[2], "\r\n") {
		return "", errors.New("the signature is not base64url")
	}
	raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
	fmt.Fprintf(&out, "times\n%s\nThe signature was not checked: \"mqttward explain\" does that.\n", times(raw, now))
	return out.String(), nil
}

// indent decodes a part and lays its JSON out, with what is invisible escaped.
func indent(part string) (string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil || strings.ContainsAny(part, "\r\n") {
		return "", errors.New("is not base64url")
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "  ", "  "); err != nil || len(raw) == 0 || raw[0] != '{' {
		return "", errors.New("is not a JSON object")
	}
	return "  " + visible(out.String()), nil
}

// visible escapes what could hide or rearrange text on a terminal. All of it stands in strings.
func visible(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || unicode.IsGraphic(r) && !unicode.In(r, unicode.Cf):
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// times says what exp, nbf and iat mean at now.
func times(payload []byte, now time.Time) string {
	var claims map[string]any
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	_ = d.Decode(&claims) // it is JSON: it was laid out before
	var out strings.Builder
	for _, c := range [...]struct{ name, absent, past, future string }{
		{"exp", "none: it never expires", "expired", "expires in"},
		{"nbf", "none", "valid since then,", "not valid yet: in"},
		{"iat", "none", "issued", "issued in the future: in"},
	} {
		fmt.Fprintf(&out, "  %s  %s\n", c.name, when(claims[c.name], now, c.absent, c.past, c.future))
	}
	return out.String()
}

func when(claim any, now time.Time, absent, past, future string) string {
	var seconds float64
	switch v := claim.(type) {
	case nil:
		return absent
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return "a number that is too large"
		}
		seconds = f
	default:
		return "not a number"
	}
	const year9999 = 253402300799
	if seconds > year9999 || seconds < -year9999 {
		return "beyond the year 9999"
	}
	at := time.Unix(int64(seconds), 0).UTC()
	stamp := at.Format("2006-01-02 15:04:05 UTC")
	if d := at.Sub(now); d > 0 {
		return fmt.Sprintf("%s  %s %s", stamp, future, roughly(d))
	}
	return fmt.Sprintf("%s  %s %s ago", stamp, past, roughly(now.Sub(at)))
}

// roughly is a duration in words that a person can grasp.
func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*365*day:
		return fmt.Sprintf("%d years", d/(365*day))
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	}
	return d.Truncate(time.Second).String()
}
