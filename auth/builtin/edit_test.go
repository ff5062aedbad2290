package builtin

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestRecipesMakeWhatTheyVerify(t *testing.T) {
	for _, tc := range []struct {
		recipe Recipe
		prefix string
	}{
		{Recipe{}, "$7$10000$"},
		{Recipe{Iterations: 101}, "$7$101$"},
		{Recipe{Argon2id: true}, "$argon2id$v=19$m=47104,t=1,p=1$"},
	} {
		h, err := tc.recipe.Hash([]byte("hunter22"))
		if err != nil {
			t.Fatalf("%+v: %v", tc.recipe, err)
		}
		text := string(h.appendText(nil))
		if !strings.HasPrefix(text, tc.prefix) {
			t.Errorf("%+v made %s, want %s...", tc.recipe, text, tc.prefix)
		}
		again := mustParse(t, text)
		for password, want := range map[string]bool{"hunter22": true, "hunter2": false, "": false} {
			if got, err := again.verify([]byte(password)); got != want || err != nil {
				t.Errorf("%+v: verify(%q) = %v, %v; want %v", tc.recipe, password, got, err, want)
			}
		}
		other, err := tc.recipe.Hash([]byte("hunter22"))
		if err != nil || string(other.appendText(nil)) == text {
			t.Errorf("%+v: the same hash twice, %v", tc.recipe, err)
		}
	}
}

func TestRecipesRefuse(t *testing.T) {
	for _, tc := range []struct {
		recipe   Recipe
		password string
		want     error
	}{
		{Recipe{}, "", ErrEmptyPassword},
		{Recipe{Argon2id: true}, "", ErrEmptyPassword},
		{Recipe{}, "a\x00", ErrNULPassword},
		{Recipe{}, strings.Repeat("x", 65536), ErrLongPassword},
	} {
		if _, err := tc.recipe.Hash([]byte(tc.password)); !errors.Is(err, tc.want) {
			t.Errorf("%+v, %.10q: %v, want %v", tc.recipe, tc.password, err, tc.want)
		}
	}
	for _, n := range []int{-1, maxIterations + 1} {
		if _, err := (Recipe{Iterations: n}).Hash([]byte("x")); err == nil {
			t.Errorf("%d iterations are taken", n)
		}
	}
}

func TestEdit(t *testing.T) {
	h := mustParse(t, emptyPBKDF2)
	const line = "joe:" + emptyPBKDF2
	for _, tc := range []struct {
		name, before string
		change       Change
		after        string
	}{
		{"add to nothing", "", Change{Name: "joe", Add: true, Hash: h}, line + "\n"},
		{"add behind others", "# mine\n\nann:x\n", Change{Name: "joe", Add: true, Hash: h}, "# mine\n\nann:x\n" + line + "\n"},
		{"add behind a line without an end", "ann:x", Change{Name: "joe", Add: true, Hash: h}, "ann:x\n" + line + "\n"},
		{"add with the file's line ends", "ann:x\r\nbob:y", Change{Name: "joe", Add: true, Hash: h}, "ann:x\r\nbob:y\r\n" + line + "\r\n"},
		{"add beside a comment", "#joe:x\n", Change{Name: "joe", Add: true, Hash: h}, "#joe:x\n" + line + "\n"},
		{"add keeps the mark of an editor", "\xef\xbb\xbfann:x\n", Change{Name: "joe", Add: true, Hash: h}, "\xef\xbb\xbfann:x\n" + line + "\n"},
		{"change", "ann:x\n joe : y\nbob:z\n", Change{Name: "joe", Hash: h}, "ann:x\n" + line + "\nbob:z\n"},
		{"change keeps a line end", "joe:y\r\nann:x", Change{Name: "joe", Hash: h}, line + "\r\nann:x"},
		{"change without a line end", "joe:y", Change{Name: "joe", Hash: h}, line},
		{"change behind a mark", "\xef\xbb\xbfjoe:x\n", Change{Name: "joe", Hash: h}, "\xef\xbb\xbf" + line + "\n"},
		{"delete", "ann:x\njoe:y\n\nbob:z", Change{Name: "joe"}, "ann:x\n\nbob:z"},
		{"delete the last", "joe:y", Change{Name: "joe"}, ""},
	} {
		var out strings.Builder
		if err := Edit(strings.NewReader(tc.before), &out, tc.change); err != nil || out.String() != tc.after {
			t.Errorf("%s: %q, %v; want %q", tc.name, out.String(), err, tc.after)
		}
	}
}

func TestEditRefuses(t *testing.T) {
	h := mustParse(t, emptyPBKDF2)
	broken := errors.New("disk on fire")
	for _, tc := range []struct {
		name, before string
		change       Change
		want         error
	}{
		{"add who is there", "ann:x\njoe:y\n", Change{Name: "joe", Add: true, Hash: h}, ErrUserExists},
		{"change who is not there", "ann:x\n", Change{Name: "joe", Hash: h}, ErrNoSuchUser},
		{"delete who is not there", "#joe:x\n", Change{Name: "joe"}, ErrNoSuchUser},
		{"change who is there twice", "joe:x\njoe:y\n", Change{Name: "joe", Hash: h}, ErrDuplicateUser},
		{"a table", "user_id,password_hash\n", Change{Name: "joe", Add: true, Hash: h}, ErrNotLines},
		{"an array", "[]", Change{Name: "joe"}, ErrNotLines},
		{"an endless line", strings.Repeat("x", 2*maxLine), Change{Name: "joe", Add: true, Hash: h}, errLongLine},
	} {
		if err := Edit(strings.NewReader(tc.before), new(strings.Builder), tc.change); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
	if err := Edit(iotest.ErrReader(broken), new(strings.Builder), Change{Name: "joe", Add: true, Hash: h}); !errors.Is(err, broken) {
		t.Errorf("read error: %v", err)
	}
	if err := Edit(strings.NewReader("ann:x\n"), failing{broken}, Change{Name: "joe", Add: true, Hash: h}); !errors.Is(err, broken) {
		t.Errorf("write error: %v", err)
	}
	for _, name := range []string{"", "a:b", "#a", " a", "a\t", "a\nb", "a\x00", "caf\xe9"} {
		if err := Edit(strings.NewReader(""), new(strings.Builder), Change{Name: name, Add: true, Hash: h}); err == nil {
			t.Errorf("the name %q is taken", name)
		}
		if _, err := WriteLine(new(strings.Builder), User{Name: name, Hash: h}); err == nil {
			t.Errorf("the name %q is written", name)
		}
	}
}

// failing is a writer that can't.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// What is written is read by us as the same user.
func FuzzEdit(f *testing.F) {
	f.Add("joe", "ann:x\r\njoe:y")
	f.Add("a b", "\xef\xbb\xbf#")
	f.Fuzz(func(t *testing.T, name, before string) {
		h := mustParse(t, emptySHA512)
		var out strings.Builder
		if err := Edit(strings.NewReader(before), &out, Change{Name: name, Add: true, Hash: h}); err != nil {
			return
		}
		if !strings.HasPrefix(out.String(), before) {
			t.Fatalf("%q became %q", before, out.String())
		}
		d, _, err := ReadFile(strings.NewReader(out.String()), "f", FileOptions{Lenient: true})
		if errors.Is(err, ErrDuplicateUser) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := d.lookup([]byte(name)); !ok || string(got.appendText(nil)) != emptySHA512 {
			t.Fatalf("%q is not in %q", name, out.String())
		}
		var again strings.Builder
		if err := Edit(strings.NewReader(out.String()), &again, Change{Name: name}); err != nil {
			t.Fatalf("delete: %v", err)
		}
	})
}
