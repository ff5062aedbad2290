package daemon

import (
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mqttward/auth"
	"mqttward/auth/jwt"
	"mqttward/proxy"
	"mqttward/proxy/relay"
)

func TestEveryReasonHasAdvice(t *testing.T) {
	for _, r := range auth.Reasons() {
		checkAdvice(t, r.String(), advices[r])
	}
}

func checkAdvice(t *testing.T, word string, a advice) {
	t.Helper()
	if a.means == "" || a.do == "" || strings.HasSuffix(a.means, ".") || strings.HasSuffix(a.do, ".") {
		t.Errorf("%s: got %+v, want two sentences without full stops", word, a)
	}
}

// Every word that is no refusal's is explained too, and none that is not there.
func TestEveryWordHasAdvice(t *testing.T) {
	var sessions, closings, handshakes []string
	for _, c := range relay.Causes() {
		sessions = append(sessions, string(c))
	}
	refused := func(word string) bool {
		return slices.ContainsFunc(auth.Reasons(), func(r auth.Reason) bool { return r.String() == word })
	}
	for _, word := range proxy.CloseReasons() {
		if !slices.Contains(sessions, word) && !refused(word) {
			closings = append(closings, word)
		}
	}
	for _, r := range proxy.HandshakeResults() {
		handshakes = append(handshakes, r.String())
	}
	for i, want := range [len(vocabularies)][]string{sessions, closings, handshakes, jwt.FetchResults()} {
		v := vocabularies[i]
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(v.words)); !slices.Equal(got, want) {
			t.Errorf("%s: words %q, want %q", v.of, got, want)
		}
		for word, a := range v.words {
			checkAdvice(t, word, a)
			r, err := ExplainReason(word)
			if err != nil {
				t.Error(err)
				continue
			}
			if !slices.Contains(r.Words, ReportWord{Word: word, Of: v.of, Means: a.means, Do: a.do}) || (r.Reason != "") != refused(word) {
				t.Errorf("%s: got %+v, want what it means: %s", word, r, v.of)
			}
		}
	}
}

// The lists of words that are constants have all of them.
func TestWordsAreListed(t *testing.T) {
	files := source(t)
	for _, tc := range []struct {
		folder, kind, prefix string
		least                int
	}{
		{"proxy/relay", "Cause", "", 10},
		{"proxy", "", "closed", 5},
	} {
		found := 0
		for _, word := range constants(files, tc.folder, tc.kind, tc.prefix) {
			found++
			if !slices.Contains(proxy.CloseReasons(), word) {
				t.Errorf("%s: %q is in no list", tc.folder, word)
			}
		}
		if found < tc.least {
			t.Errorf("%s: %d words found, want %d at least", tc.folder, found, tc.least)
		}
	}
}

// constants are the values of a package's string constants of a type, or of none, whose names begin
// with prefix.
func constants(files []sourceFile, folder, kind, prefix string) (values []string) {
	for _, f := range files {
		if f.folder != folder || f.test {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			decl, ok := n.(*ast.GenDecl)
			if !ok || decl.Tok != token.CONST {
				return true
			}
			for _, s := range decl.Specs {
				spec := s.(*ast.ValueSpec)
				named, _ := spec.Type.(*ast.Ident)
				if (kind != "" || spec.Type != nil) && (named == nil || named.Name != kind) || !strings.HasPrefix(spec.Names[0].Name, prefix) {
					continue
				}
				for _, v := range spec.Values {
					if literal, ok := v.(*ast.BasicLit); ok && literal.Kind == token.STRING {
						text, _ := strconv.Unquote(literal.Value)
						values = append(values, text)
					}
				}
			}
			return true
		})
	}
	return values
}
