package daemon

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the name of ours.
const module = "mqttward"

// sourceFile is a parsed Go file of the tree.
type sourceFile struct {
	name   string // from the tree's root, with slashes
	folder string // of its package
	test   bool
	lines  int
	syntax *ast.File
}

// source parses every Go file of the tree.
func source(t *testing.T) []sourceFile {
	t.Helper()
	root := filepath.Join("..", "..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the tree's root: %v", err)
	}
	var files []sourceFile
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, sourceFile{
			name: name, folder: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
			lines: bytes.Count(text, []byte("\n")), syntax: syntax,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < len(layout) {
		t.Fatalf("%d Go files found: this is not the tree", len(files))
	}
	return files
}

// imports returns the paths that a file imports.
func (f sourceFile) imports(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, spec := range f.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		paths = append(paths, p)
	}
	return paths
}

// within reports whether an import path is a module's, one of its packages' included.
func within(p, module string) bool { return p == module || strings.HasPrefix(p, module+"/") }

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range source(t) {
		rules, ok := layout[f.folder]
		if !ok {
			t.Errorf("%s: package %q is not in the layout", f.name, f.folder)
			continue
		}
		seen[f.folder] = true
		for _, p := range f.imports(t) {
			if !rules.allow(p, f.test) {
				t.Errorf("%s: imports %q, which the layout does not allow", f.name, p)
			}
		}
	}
	for folder := range layout {
		if !seen[folder] {
			t.Errorf("package %q is in the layout, and there is no such package", folder)
		}
	}
}

// allow reports whether a file may import p. The standard library is free to all, and so
// are packages of ours to tests.
func (r packageRules) allow(p string, test bool) bool {
	if within(p, module) {
		return test || slices.Contains(r.ours, strings.TrimPrefix(p, module+"/"))
	}
	first, _, _ := strings.Cut(p, "/")
	if !strings.Contains(first, ".") {
		return true
	}
	ofModule := func(m string) bool { return within(p, m) }
	return slices.ContainsFunc(r.theirs, ofModule) || test && slices.ContainsFunc(r.tests, ofModule)
}

// What is stated of the whole, and not of one package, holds in the table.
func TestLayoutPointsOneWay(t *testing.T) {
	only := map[string][]string{ // by module, the packages that may import it outside of tests
		moduleTOML:                         {"config"},
		moduleJWT:                          {"auth/jwt", "auth/authtest", "cmd/internal/mint"},
		moduleJWKSet:                       {"auth/jwt", "cmd/internal/mint"},
		"github.com/MicahParks/keyfunc/v3": {"auth/jwt"},
		moduleMochi:                        {"cmd/mqttward-demo"},
		moduleGoleak:                       {"proxy/proxytest"},
	}
	// Only the daemon knows the stages; the command reads and writes password files, and reads
	// files of public keys. The queue serves a stage and the proxy.
	belowAuth := map[string][]string{
		"auth/builtin": {"cmd/internal/daemon", "cmd/mqttward"},
		"auth/fair":    {"auth/builtin", "proxy"},
		"auth/jwt":     {"cmd/internal/daemon", "cmd/mqttward"},
	}
	below := map[string][]string{ // by the first folder, those that it may import from
		"packets": nil, "config": nil,
		"auth":  {"auth"},
		"proxy": {"proxy", "auth", "packets"},
		"cmd":   {"cmd", "config", "auth", "proxy", "packets"},
	}
	for folder, rules := range layout {
		top, _, _ := strings.Cut(folder, "/")
		for _, p := range rules.ours {
			first, _, _ := strings.Cut(p, "/")
			if !slices.Contains(below[top], first) {
				t.Errorf("%s may import %s: that points the wrong way", folder, p)
			}
			if strings.HasSuffix(p, "test") {
				t.Errorf("%s may import %s, which is for tests", folder, p)
			}
			if first == "auth" && p != "auth" && !slices.Contains(belowAuth[p], folder) {
				t.Errorf("%s may import %s: only %v may", folder, p, belowAuth[p])
			}
		}
		for _, m := range rules.theirs {
			if packages, ok := only[m]; ok && !slices.Contains(packages, folder) {
				t.Errorf("%s may import %s: only %v may", folder, m, packages)
			}
		}
	}
}

func TestFilesAreShortAndWellNamed(t *testing.T) {
	for _, f := range source(t) {
		if !f.test && f.lines > maxLines {
			t.Errorf("%s has %d lines, want at most %d", f.name, f.lines, maxLines)
		}
		for _, name := range []string{path.Base(f.folder), strings.TrimSuffix(f.syntax.Name.Name, "_test")} {
			if slices.Contains(badNames, name) {
				t.Errorf("%s: %q is no name for a package", f.name, name)
			}
		}
	}
}

func TestNoInitAndOneExit(t *testing.T) {
	exits := map[string]int{}
	for _, f := range source(t) {
		if f.test {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					t.Errorf("%s has a func init", f.name)
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "os" && n.Sel.Name == "Exit" {
					exits[f.name]++
				}
			}
			return true
		})
		if f.syntax.Name.Name == "main" && path.Base(f.name) == "main.go" && exits[f.name] != 1 {
			t.Errorf("%s has %d os.Exit, want 1", f.name, exits[f.name])
		}
	}
	for name, n := range exits {
		if path.Base(name) != "main.go" || path.Dir(path.Dir(name)) != "cmd" {
			t.Errorf("%s has %d os.Exit: they belong in each main alone", name, n)
		}
	}
}
