package config

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecretFile bounds a secret's file. An MQTT password has at most 65,535 bytes, and an
// HMAC secret no use for more.
const maxSecretFile = 64 << 10

// secret reads the key called name, or the file that the key with _file at its end names.
func (t *table) secret(name string) Secret {
	direct := t.string(name)
	file := name + "_file"
	path := t.file(file)
	if direct != "" && path != "" {
		switch {
		case t.fromVariable(name) == t.fromVariable(file):
			t.fault(file, "%s is set as well: remove one of the two", name)
			return Secret{}
		case t.fromVariable(name):
			path = ""
		}
	}
	if path == "" {
		if isShellVariable(direct) {
			t.doc.warn(t.key(name), "begins with $ and has no braces: it is taken as it stands; for the environment variable write ${NAME}")
		}
		return NewSecret(direct)
	}
	text, err := readSecretFile(path)
	if err != nil {
		t.fault(file, "%v", err)
	}
	return NewSecret(text)
}

// readSecretFile returns what a file holds, without one line end at its end. No error of it
// quotes the content.
func readSecretFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxSecretFile {
		return "", fmt.Errorf("read %s: more than %s, which no secret needs", path, formatSize(maxSecretFile))
	}
	text := string(b)
	if line, ok := strings.CutSuffix(text, "\n"); ok {
		text = strings.TrimSuffix(line, "\r")
	}
	if text == "" {
		return "", fmt.Errorf("read %s: the file is empty", path)
	}
	return text, nil
}

// isShellVariable reports whether s is what a shell would replace, and this file does not.
func isShellVariable(s string) bool {
	name, ok := strings.CutPrefix(s, "$")
	return ok && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}
