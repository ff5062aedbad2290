package mosquitto

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// directive is one line of a configuration.
type directive struct {
	file  string
	line  int
	name  string
	value string
}

func (d directive) place() string { return fmt.Sprintf("%s:%d", d.file, d.line) }

// Bounds of what is read: far more than anybody has.
const (
	maxFiles = 1000
	maxDepth = 10 // of include_dir, which mosquitto itself doesn't nest
)

// reader collects the directives of a file, and of those that it includes.
type reader struct {
	all   []directive
	files int
}

// read reads a file. Folders that include_dir names are read as mosquitto does: what ends in
// ".conf", in the order of their names.
func (r *reader) read(path string, depth int) error {
	if r.files++; r.files > maxFiles || depth > maxDepth {
		return errors.New("include_dir: too many files")
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		if strings.ContainsFunc(text, func(c rune) bool { return c == utf8.RuneError || c != '\t' && unicode.IsControl(c) }) {
			return fmt.Errorf("%s:%d: the line is no text: is this a mosquitto.conf?", path, n) // which would end up in notes
		}
		name, value, _ := strings.Cut(text, " ")
		if i := strings.IndexByte(name, '\t'); i >= 0 {
			name, value = name[:i], text[i:]
		}
		d := directive{path, n, name, strings.TrimSpace(value)}
		if name != "include_dir" {
			r.all = append(r.all, d)
			continue
		}
		if err := r.include(d, depth); err != nil {
			return fmt.Errorf("%s: %w", d.place(), err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func (r *reader) include(d directive, depth int) error {
	folder := fromFolder(d.file, d.value)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".conf") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if err := r.read(filepath.Join(folder, name), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// fromFolder makes a path absolute, from the folder of the file that names it.
func fromFolder(file, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	path = filepath.Join(filepath.Dir(file), path)
	if absolute, err := filepath.Abs(path); err == nil {
		return absolute
	}
	return path
}
