package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// appendLine is an edit that adds a line, slowly enough for others to come in between.
func appendLine(line string) func(io.Reader, io.Writer) error {
	return func(r io.Reader, w io.Writer) error {
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		runtime.Gosched()
		_, err = fmt.Fprintf(w, "%s%s\n", text, line)
		return err
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// alone fails where a folder has other files than those named.
func alone(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(names) {
		t.Errorf("the folder has %v, want %v", got, names)
	}
}

func TestRewritersWaitForEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	const writers = 40
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			if err := rewrite(path, mayExist, appendLine(fmt.Sprint("writer ", i))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	text := read(t, path)
	for i := range writers {
		if strings.Count(text, fmt.Sprintf("writer %d\n", i)) != 1 {
			t.Errorf("the line of writer %d was lost", i)
		}
	}
	alone(t, filepath.Dir(path), "users")
}

func TestRewriteChangesNothingWhereItFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	broken := errors.New("disk on fire")
	half := func(_ io.Reader, w io.Writer) error {
		io.WriteString(w, "half")
		return broken
	}
	if err := rewrite(path, mayExist, half); !errors.Is(err, broken) {
		t.Errorf("error = %v, want %v", err, broken)
	}
	alone(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(path, mayExist, half); !errors.Is(err, broken) {
		t.Errorf("error = %v, want %v", err, broken)
	}
	if err := rewrite(path, mustBeNew, appendLine("x")); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("error = %v, want one that tells of the file", err)
	}
	meddle := func(r io.Reader, w io.Writer) error {
		if err := os.WriteFile(path, []byte("of another program"), 0o640); err != nil {
			return err
		}
		return appendLine("x")(r, w)
	}
	if err := rewrite(path, mustExist, meddle); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("error = %v, want one that tells of another program", err)
	}
	if got := read(t, path); got != "of another program" {
		t.Errorf("the file has %q", got)
	}
	alone(t, filepath.Dir(path), "users")
}

func TestRewriteFollowsLinks(t *testing.T) {
	folder := t.TempDir()
	real, link, nowhere := filepath.Join(folder, "real"), filepath.Join(folder, "link"), filepath.Join(folder, "nowhere")
	if err := os.WriteFile(real, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink("real", link), os.Symlink("absent", nowhere)); err != nil {
		t.Skip(err)
	}
	if err := rewrite(link, mustExist, appendLine("new")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is none any more: %v, %v", info, err)
	}
	if got := read(t, real); got != "old\nnew\n" {
		t.Errorf("its target has %q", got)
	}
	if err := rewrite(nowhere, mayExist, appendLine("new")); err == nil || !strings.Contains(err.Error(), "link to nowhere") {
		t.Errorf("error = %v, want one that tells of the link", err)
	}
}

func TestRewriteKeepsModeAndOwner(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes")
	}
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(path, 12345, 54321); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path, 0o664); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(path)
	if err := rewrite(path, mustExist, appendLine("x")); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil || after.Mode() != before.Mode() || owner(after) != owner(before) {
		t.Errorf("mode and owner are %v %v, want %v %v", after.Mode(), owner(after), before.Mode(), owner(before))
	}
}

func TestPipedPasswords(t *testing.T) {
	for in, want := range map[string]string{
		"pw": "pw", "pw\n": "pw", "pw\r\n": "pw", " pw ": " pw ", "": "", "pw\n\n": "error", "a\nb": "error",
		strings.Repeat("x", 65535) + "\r\n": strings.Repeat("x", 65535),
	} {
		got, err := pipedPassword(strings.NewReader(in))
		if want == "error" && err == nil || want != "error" && (err != nil || !bytes.Equal(got, []byte(want))) {
			t.Errorf("%.10q: %.10q, %v; want %.10q", in, got, err, want)
		}
	}
}
