package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// Bounds of what is read, in bytes.
const (
	maxConnectInput = 64 << 20 // the hex of the largest max_connect_size, with blanks
	maxKeySetInput  = 1 << 20  // the longest key set that is fetched
)

// readInput reads a file, or standard input where its name is "-".
func readInput(name string, stdin *os.File, most int64) ([]byte, error) {
	f := stdin
	if name != "-" {
		opened, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer opened.Close()
		f = opened
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	case int64(len(b)) > most:
		return nil, fmt.Errorf("read %s: more than %d bytes", name, most)
	}
	return b, nil
}

// readSecret reads a password or token that is sent: standard input without one line end at its
// end; on a terminal it asks, and shows nothing of what is typed.
func readSecret(question string, stdin *os.File, stderr io.Writer) (*string, error) {
	read := pipedPassword
	if term.IsTerminal(int(stdin.Fd())) {
		read = func(io.Reader) ([]byte, error) { return ask(stdin, stderr, question) }
	}
	b, err := read(stdin)
	if err != nil {
		return nil, err
	}
	s := string(b)
	return &s, nil
}

// errDump is about a dump, from which a packet can't be told for sure.
var errDump = errors.New("the packet is in a dump with more than its hex: write it as bytes, or as xxd -p prints it")

// Dumps by what they begin with: offsets, as xxd, hexdump, od and tcpdump write them, where they are
// 0 or more than hex follows, and what xxd -i and printf write. What else is text may have come from
// a client: a browser sends some.
var (
	dumpBegin = regexp.MustCompile(`^\s*(0{6,}:?\s|0x0{4,}:|unsigned char |\\x[0-9a-fA-F]{2})`)
	hexBegin  = regexp.MustCompile(`^\s*(0x)?[0-9a-fA-F]{2,}[:,]?\s`)
	plainHex  = regexp.MustCompile(`^(0x|[0-9a-fA-F\s:,])*$`)
)

// isDump reports whether b is text with a packet in it that is not plain hex.
func isDump(b []byte) bool {
	if bytes.ContainsFunc(b, func(r rune) bool { return r == utf8.RuneError || r < ' ' && !unicode.IsSpace(r) }) {
		return false // bytes
	}
	return dumpBegin.Match(b) || hexBegin.Match(b) && !plainHex.Match(b)
}

// parsePacket returns the bytes of a packet that is given as they are, or as hex: digits in pairs,
// with blanks, colons, commas and 0x between them. No error quotes it: it holds a password.
func parsePacket(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, errors.New("the packet is empty")
	}
	if isDump(b) {
		return nil, errDump
	}
	digits := bytes.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n', ':', ',':
			return -1
		}
		return r
	}, bytes.ReplaceAll(b, []byte("0x"), nil))
	for _, c := range digits {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			return b, nil // no hex: as it is
		}
	}
	if len(digits)%2 != 0 {
		return nil, errors.New("the packet's hex has an odd number of digits")
	}
	packet := make([]byte, len(digits)/2)
	_, err := hex.Decode(packet, digits)
	return packet, err
}
