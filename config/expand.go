package config

import (
	"fmt"
	"strings"
)

// expand replaces each ${NAME} in s by the environment variable of that name, and each $${
// by ${. A dollar sign that no brace follows is itself, so that password hashes stand as
// they are. An error quotes a variable's name at most: s may be a secret.
func expand(s string, lookup func(string) (string, bool)) (string, error) {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		name, rest, ok := strings.Cut(s[i+2:], "}")
		if !ok || !isVariable(name) {
			return "", fmt.Errorf(`${ must be followed by the name of an environment variable and }; for a literal ${ write $${`)
		}
		value, ok := lookup(name)
		if !ok {
			return "", fmt.Errorf("environment variable %s is not set; for a literal ${ write $${", name)
		}
		b.WriteString(value)
		s = rest
	}
}

// isVariable reports whether s is a name that shells allow for a variable.
func isVariable(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !isBareByte(c) || c == '-' || i == 0 && c >= '0' && c <= '9' {
			return false
		}
	}
	return s != ""
}
