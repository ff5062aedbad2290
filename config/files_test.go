package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// paths are the names of files, in order, relative to dir.
func paths(t *testing.T, dir string, files []File) []string {
	t.Helper()
	var all []string
	for _, f := range files {
		name, err := filepath.Rel(dir, f.Path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func TestFilesOfAConfiguration(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := without("secret") + `secret_file = "secret"
public_key_file = "keys.pem"
jwks_url = "https://h/"
jwks_cache_file = "cache"
jwks_ca_file = "ca"
[auth.builtin]
users_file = "users"
`
	named := []string{"c.toml", "ca", "keys.pem", "secret", "users"}
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"good", text, named},
		{"faulty", text + "[log]\nlevel = 5\n", named},
		{"no TOML", text + "[log\n", []string{"c.toml"}},
		{"a secret is missing", text + "[admin]\nbind = \"127.0.0.1:1\"\ntoken_file = \"later\"\n", append([]string{"later"}, named...)},
	} {
		write("secret", "0123456789abcdef")
		write("c.toml", tc.text)
		c, err := Load(filepath.Join(dir, "c.toml"), environment())
		var files []File
		var all *Errors
		switch {
		case err == nil:
			files = c.Files()
		case errors.As(err, &all):
			files = all.Files()
		}
		slices.Sort(tc.want)
		if got := paths(t, dir, files); !slices.Equal(got, tc.want) || (err == nil) != (tc.name == "good") {
			t.Errorf("%s: got %q, %v; want %q", tc.name, got, err, tc.want)
		}
	}
	_, err := Load(filepath.Join(dir, "none"), environment())
	var all *Errors
	if !errors.As(err, &all) || !slices.Equal(paths(t, dir, all.Files()), []string{"none"}) {
		t.Errorf("no file: got %v, want the file that is missing", err)
	}
}

func TestFileIsTheSame(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	put := func(name, text string) {
		t.Helper()
		check(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	put("f", "one")
	at := time.Now().Add(-time.Hour)
	check(os.Chtimes(path, at, at))
	for _, tc := range []struct {
		name   string
		change func()
		same   bool
	}{
		{"nothing", func() {}, true},
		{"read", func() { _, err := os.ReadFile(path); check(err) }, true},
		{"written again", func() { put("f", "one") }, false},
		{"another size at the same time", func() { put("f", "three"); check(os.Chtimes(path, at, at)) }, false},
		{"another file of the same size and time", func() {
			put("g", "other")
			check(os.Chtimes(filepath.Join(dir, "g"), at, at))
			check(os.Rename(filepath.Join(dir, "g"), path))
		}, false},
		{"another mode", func() { check(os.Chmod(path, 0o400)) }, false},
		{"gone", func() { check(os.Remove(path)) }, false},
		{"gone still", func() {}, true},
		{"back", func() { put("f", "other") }, false},
	} {
		before := LookAt(path)
		tc.change()
		if got := before.Same(LookAt(path)); got != tc.same {
			t.Errorf("%s: the same %v, want %v", tc.name, got, tc.same)
		}
	}
}
