package config

import (
	"io/fs"
	"os"
	"slices"
)

// File is a file as it was when somebody looked at it.
type File struct {
	// Path is its name.
	Path string
	info fs.FileInfo // nil: it could not be seen
}

// LookAt looks at a file, without opening it. Symbolic links are followed.
func LookAt(path string) File {
	info, err := os.Stat(path)
	if err != nil {
		info = nil
	}
	return File{path, info}
}

// Same reports whether a file is still what it was, by its identity, size, time of change and mode:
// what is renamed into its place is another one, and so is what a symbolic link on the way to it
// leads to now. A file that can't be seen is the same as long as it can't be.
func (f File) Same(other File) bool {
	a, b := f.info, other.info
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
}

// Files are those that the configuration was read from, or names and does not write itself, each as
// it was before it was read: whoever finds one that is no longer the same knows that the
// configuration may no longer be what would be read now. The slice is the caller's.
func (c *Config) Files() []File { return slices.Clone(c.files) }

// Files are those that the faulty configuration was read from or names, as [Config.Files] has them;
// as many as were found before it could be read no further.
func (e *Errors) Files() []File { return slices.Clone(e.files) }
