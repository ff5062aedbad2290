package builtin

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const (
	goodHex = "eb0a9309a57e970e70b8ad5af4c721a4327dd513d1c0ff3c1ff78dd9eca6429f"
	header  = "user_id,password_hash,salt,is_superuser\n"
)

// badTables are files with one user too few, and what is said of it. None may quote a hash.
var badTables = []struct {
	name, text, want string
	fatal            bool // also where the file is read leniently
}{
	{"csv: a cell too many", header + "joe," + goodHex + ",s,false,x\n", "f:2: the line has 5 cells, and the first line has 4 names", false},
	{"csv: a cell too few", header + "joe," + goodHex + ",s\n", "f:2: the line has 3 cells, and the first line has 4 names", false},
	{"csv: empty name", header + "," + goodHex + ",s,false\n", "f:2: the user name is empty", false},
	{"csv: NUL in a name", header + "j\x00e," + goodHex + ",s,false\n", "f:2: the user name has a NUL in it", false},
	{"csv: Latin-1", header + "caf\xe9," + goodHex + ",s,false\n", "f:2: user_id is not UTF-8", false},
	{"csv: no hash", header + "joe,,s,false\n", `f:2: user "joe": malformed password hash: password_hash is empty`, false},
	{"csv: clear text", header + "joe,hunter22,s,false\n", `f:2: user "joe": malformed password hash: sha256: the hash is not in hexadecimal`, false},
	{"csv: hash cut", header + "joe," + goodHex[:62] + ",s,false\n", `f:2: user "joe": malformed password hash: sha256: the hash has 31 bytes, not 32`, false},
	{"csv: hash too long", header + "joe," + goodHex + "00,s,false\n", `f:2: user "joe": malformed password hash: sha256: the hash has 33 bytes, not 32`, false},
	{"csv: salt too long", header + "joe," + goodHex + "," + strings.Repeat("s", 129) + ",false\n", `f:2: user "joe": malformed password hash: sha256: the salt has 129 bytes`, false},
	{"csv: a shifted line", header + "joe," + goodHex + ",false,s\n", "f:2: is_superuser is neither true nor false", false},
	{"csv: quote inside", header + "joe," + goodHex + ",s\"t,false\n", "f:2: not CSV", false},
	{"csv: line numbers count quoted line ends", header + "\"j\nk\"," + goodHex + ",s,false\njoe,hunter22,s,false\n", `f:4: user "joe": malformed`, false},
	{"csv: unknown column", "user_id,password_hash,pepper\njoe," + goodHex + ",s\n", `f:1: unknown column "pepper": known are user_id`, false},
	{"csv: a column twice", "user_id,password_hash,user_id\njoe," + goodHex + ",s\n", `f:1: the column "user_id" stands there twice`, true},
	{"csv: no column of hashes", "user_id,password\njoe,hunter22\n", `f:1: column "password" has passwords in clear text, which are read where algorithm is "plain"`, true},
	{"csv: no column of hashes at all", "user_id,salt\njoe,s\n", `f:1: the column "password_hash" is missing`, true},
	{"csv: the same user", header + "joe," + goodHex + ",s,\njoe," + goodHex + ",t,\n", `f:3: user "joe": the user is declared twice: first on line 2`, true},
	{"csv: the same user, dropped", header + "joe,hunter22,s,\njoe," + goodHex + ",t,\n", `f:3: user "joe": the user is declared twice: first on line 2`, true},

	{"json: empty name", `[{"user_id":"","password_hash":"` + goodHex + `"}]`, "f:1: the user name is empty", false},
	{"json: no name", "[\n{\"password_hash\":\"" + goodHex + `"}]`, `f:2: "user_id" is missing`, false},
	{"json: no hash", `[{"user_id":"joe","password":"hunter22"}]`, `f:1: column "password" has passwords in clear text`, false},
	{"json: only a name", `[{"user_id":"joe"}]`, `f:1: "password_hash" is missing`, false},
	{"json: a key twice", `[{"user_id":"joe","user_id":"ann","password_hash":"` + goodHex + `"}]`, `f:1: "user_id" stands there twice`, false},
	{"json: another case", `[{"User_ID":"joe","password_hash":"` + goodHex + `"}]`, `f:1: unknown column "User_ID"`, false},
	{"json: a number for a name", `[{"user_id":7,"password_hash":"` + goodHex + `"}]`, `f:1: "user_id" is not a string`, false},
	{"json: null for a hash", `[{"user_id":"joe","password_hash":null}]`, `f:1: "password_hash" is not a string`, false},
	{"json: an object for a hash", `[{"user_id":"joe","password_hash":{"a":["hunter22"]}}]`, `f:1: "password_hash" is not a string`, false},
	{"json: a list for a user", `[{"user_id":"ann","password_hash":"` + goodHex + "\"},\n[1,[2]]]", "f:2: it wants an object for each user", false},
	{"json: half a character", `[{"user_id":"\ud800","password_hash":"` + goodHex + `"}]`, "f:1: user_id is not UTF-8", false},
	{"json: Latin-1", "[{\"user_id\":\"caf\xe9\",\"password_hash\":\"" + goodHex + `"}]`, "f:1: user_id is not UTF-8", false},
	{"json: cut", "[\n{\"user_id\":\"joe\",\"password_hash\":\"" + goodHex + "\"}\n", "f:2: read: the array is not closed", true},
	{"json: a comma too many", `[{"user_id":"joe","password_hash":"` + goodHex + `"},]`, "f:1: read: not JSON at byte", true},
	{"json: something behind", `[{"user_id":"joe","password_hash":"` + goodHex + `"}] hunter22`, "f:1: read: something follows the array", true},
	{"json: many keys", `[{"user_id":"joe"` + strings.Repeat(`,"x":1`, 100) + `}]`, "f:1: read: an object has more than", true},
	{"json: the same user", `[{"user_id":"joe","password_hash":"` + goodHex + `"},` + "\n" + `{"user_id":"joe","password_hash":"` + goodHex + `"}]`,
		`f:2: user "joe": the user is declared twice: first on line 1`, true},
	{"json: no end of a text", `[{"user_id":"` + strings.Repeat("hunter22", 3*maxRow/8), "f:1: read: something has more than", true},
	{"csv: no end of a text", header + `"` + strings.Repeat("hunter22", 3*maxRow/8), "read: something has more than", true},
}

func TestTablesAreRefusedWithTheLine(t *testing.T) {
	for _, tc := range badTables {
		d, _, err := ReadFile(strings.NewReader(tc.text), "f", FileOptions{})
		if err == nil || d != nil {
			t.Errorf("%s: read, with error %v", tc.name, err)
			continue
		}
		if !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: error %q, want %q...", tc.name, err, tc.want)
		}
	}
}

func TestTablesOfEMQXsPlainImportAreRead(t *testing.T) {
	plain := FileOptions{EMQX: EMQXOptions{Algorithm: "plain"}}
	for _, text := range []string{
		"user_id,password,is_superuser\njoe,hunter22,false\n",
		`[{"user_id":"joe","password":"hunter22","is_superuser":false}]`,
	} {
		d, _, err := ReadFile(strings.NewReader(text), "f", plain)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		h, ok := d.lookup([]byte("joe"))
		if !ok {
			t.Errorf("%s: joe is no user", text)
			continue
		}
		for password, want := range map[string]bool{"hunter22": true, "hunter2": false} {
			if got, err := h.verify([]byte(password)); got != want || err != nil {
				t.Errorf("%s: verify(%q) = %v, %v; want %v", text, password, got, err, want)
			}
		}
	}
	for _, text := range []string{
		"user_id,password,password_hash\njoe,hunter22,hunter23\n",
		`[{"user_id":"joe","password":"hunter22","password_hash":"hunter23"}]`,
	} {
		if _, _, err := ReadFile(strings.NewReader(text), "f", plain); err == nil || !strings.Contains(err.Error(), "stands there twice") {
			t.Errorf("%s: error %v, want one about two passwords", text, err)
		}
	}
}

func TestTablesReadLenientlyDropAUser(t *testing.T) {
	for _, tc := range badTables {
		d, warnings, err := ReadFile(strings.NewReader(tc.text), "f", FileOptions{Lenient: true})
		if tc.fatal {
			if err == nil {
				t.Errorf("%s: read, with warnings %v", tc.name, warnings)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if _, ok := d.lookup([]byte("joe")); ok && tc.name != "csv: unknown column" {
			t.Errorf("%s: joe is a user", tc.name)
		}
		want := strings.Replace(tc.want, ": ", ": dropped: ", 1)
		if len(warnings) == 0 || !strings.HasPrefix(warnings[0].Error(), want) {
			t.Errorf("%s: warnings %v, want %q...", tc.name, warnings, want)
		}
	}
}

func TestFormatIsToldByContent(t *testing.T) {
	for _, tc := range []struct {
		text string
		want Format
	}{
		{"a:" + emptySHA512, formatLines},
		{"", formatLines},
		{"# user_id,password_hash\n", formatLines},
		{"[x]:" + emptySHA512, formatLines},
		{"user_id,b:" + emptySHA512, formatLines},
		{"[]", FormatEMQXJSON},
		{"\xef\xbb\xbf \n[\n\n {\"user_id\":\"a\",\"password_hash\":\"" + goodHex + "\"}]", FormatEMQXJSON},
		{"user_id,password_hash\n", FormatEMQXCSV},
		{"\xef\xbb\xbf\"password_hash\",\"user_id\"\r\n", FormatEMQXCSV},
		{"\r\nSALT, User_Id ,password_hash", FormatEMQXCSV},
	} {
		d, _, err := ReadFile(strings.NewReader(tc.text), "f", FileOptions{})
		if err != nil {
			t.Errorf("%q: %v", tc.text, err)
			continue
		}
		if got := d.FileFormat(); got != tc.want {
			t.Errorf("%q is taken for %v, want %v", tc.text, got, tc.want)
		}
	}
}

func TestAGivenFormatHolds(t *testing.T) {
	for _, tc := range []struct {
		format Format
		text   string
		want   string // of the error; empty where the file is read
	}{
		{FormatMosquitto, "joe:" + emptySHA512, ""},
		{FormatMosquitto, "joe:" + emptyPBKDF2, ""},
		{FormatMosquitto, "joe:" + emptyArgon2, ""},
		{FormatMosquitto, "joe:" + emptyBcrypt, `not of a kind that format = "mosquitto" has`},
		{FormatMosquitto, header, "no colon"},
		{FormatHtpasswd, "joe:" + emptyBcrypt, ""},
		{FormatHtpasswd, "joe:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", ""},
		{FormatHtpasswd, "joe:" + emptyPBKDF2, `not of a kind that format = "htpasswd" has`},
		{FormatEMQXCSV, "joe:" + emptySHA512, "is missing"},
		{FormatEMQXCSV, "[]", "is missing"},
		{FormatEMQXJSON, header, "not JSON"},
		{FormatEMQXJSON, "{}", "it wants an array"},
		{FormatEMQXJSON, "", "cut"},
		{FormatEMQXCSV, "", "is missing"},
	} {
		_, _, err := ReadFile(strings.NewReader(tc.text), "f", FileOptions{Format: tc.format})
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%v, %q: error %v, want %q", tc.format, tc.text, err, tc.want)
		}
	}
	for word, want := range map[string]Format{"auto": FormatAuto, "mosquitto": FormatMosquitto, "htpasswd": FormatHtpasswd, "emqx_csv": FormatEMQXCSV, "emqx_json": FormatEMQXJSON} {
		if got, ok := ParseFormat(word); !ok || got != want || got.String() != word {
			t.Errorf("ParseFormat(%q) = %v, %v", word, got, ok)
		}
	}
	if _, ok := ParseFormat("password file"); ok {
		t.Error("an inner word is read")
	}
}

func TestTablesReportAReadError(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, begin := range []string{header, header + "joe,", "[", `[{"user_id":"joe"`} {
		r := io.MultiReader(strings.NewReader(begin), iotest.ErrReader(broken))
		d, _, err := ReadFile(r, "f", FileOptions{Lenient: true})
		if !errors.Is(err, broken) || d != nil {
			t.Errorf("after %q: error %v, want %v", begin, err, broken)
		}
	}
}

func FuzzReadTables(f *testing.F) {
	for _, tc := range badTables {
		if len(tc.text) < 1000 {
			f.Add([]byte(tc.text))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, format := range []Format{FormatEMQXCSV, FormatEMQXJSON} {
			d, _, err := ReadFile(strings.NewReader(string(raw)), "f", FileOptions{Format: format, Lenient: true})
			if err != nil {
				if load, ok := errors.AsType[*LoadError](err); !ok || len(load.Problems) == 0 || d != nil {
					t.Fatalf("error %#v", err)
				}
				continue
			}
			for u := range d.All() {
				if checkName(u.Name) != nil || u.Line < 1 || d.line(u.Name) != u.Line {
					t.Fatalf("user %+v", u)
				}
			}
		}
	})
}
