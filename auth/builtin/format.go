package builtin

import (
	"bufio"
	"bytes"
	"slices"
	"strings"
)

// Format is the form of a file of users.
type Format byte

const (
	// FormatAuto means that the content tells.
	FormatAuto Format = iota
	// FormatMosquitto is mosquitto's password_file: NAME:HASH, with $6$, $7$ or $argon2id$.
	// Told by its content, such a file may have any hash that [ParseHash] reads.
	FormatMosquitto
	// FormatHtpasswd is that of Apache's htpasswd: NAME:HASH, with bcrypt or {SHA}.
	FormatHtpasswd
	// FormatEMQXCSV is what EMQX exports: a line of column names, user_id and password_hash
	// among them, and a line for each user.
	FormatEMQXCSV
	// FormatEMQXJSON is the same as an array of objects.
	FormatEMQXJSON
	// formatLines is NAME:HASH with a hash of any kind.
	formatLines
)

var formatWords = [...]string{"auto", "mosquitto", "htpasswd", "emqx_csv", "emqx_json", "password file"}

// ParseFormat reads a format's word: "auto", "mosquitto", "htpasswd", "emqx_csv" or "emqx_json".
func ParseFormat(word string) (Format, bool) {
	i := slices.Index(formatWords[:formatLines], word)
	return Format(max(i, 0)), i >= 0
}

// String returns the format's word.
func (f Format) String() string { return formatWords[f] }

// kinds are the beginnings of the hashes that a file of lines may have; nil means all.
func (f Format) kinds() []string {
	switch f {
	case FormatMosquitto:
		return []string{sha512Kind, pbkdf2Kind, argon2idKind}
	case FormatHtpasswd:
		return []string{"$2a$", "$2b$", "$2y$", shaKind}
	}
	return nil
}

// allows says whether a file of this format may have such a hash.
func (f Format) allows(hash string) bool {
	kinds := f.kinds()
	return kinds == nil || slices.ContainsFunc(kinds, func(k string) bool { return strings.HasPrefix(hash, k) })
}

// sniffed is how much of a file is looked at to tell its format.
const sniffed = 4 << 10

// sniff tells the format of what r has, and takes nothing away.
func sniff(r *bufio.Reader) Format {
	head, _ := r.Peek(sniffed)
	head = bytes.TrimLeft(head, " \t\r\n")
	if array, ok := bytes.CutPrefix(head, []byte("[")); ok {
		array = bytes.TrimLeft(array, " \t\r\n")
		if len(array) == 0 || array[0] == '{' || array[0] == ']' {
			return FormatEMQXJSON
		}
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	if !bytes.Contains(line, []byte(":")) && slices.Contains(columns(strings.Split(string(line), ",")), columnUser) {
		return FormatEMQXCSV
	}
	return formatLines
}
