package config

import (
	"strconv"
	"strings"
)

// JoinKey returns the path of the key called name in the table at path table, as
// [Config.Problem] wants it. A name that is not a bare TOML key is quoted:
//
//	JoinKey("auth.jwt.claims", "https://example.org/role")
//
// An element of an array has its index, from 0, behind the array's path: listener[0].bind.
func JoinKey(table, name string) string {
	if !isBareKey(name) {
		name = strconv.Quote(name)
	}
	if table == "" {
		return name
	}
	return table + "." + name
}

// joinIndex returns the path of the element i of the array at path.
func joinIndex(path string, i int) string {
	return path + "[" + strconv.Itoa(i) + "]"
}

// parentKey returns the path of the table or array that holds the key at path; the empty
// string, which is the file itself, holds the top-level keys.
func parentKey(path string) string {
	last, quoted := 0, false
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '.' || c == '['):
			last = i
		}
	}
	return path[:last]
}

// lastKey returns what parentKey cuts off, without the dot.
func lastKey(path string) string {
	return strings.TrimPrefix(path[len(parentKey(path)):], ".")
}

// isBareKey reports whether TOML allows s as a key without quotes.
func isBareKey(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isBareByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isBareByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}
