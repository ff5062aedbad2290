package builtin

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// The samples of EMQX's documentation of import_users. Their passwords are mypassword1 and so on.
func TestEMQXDocumentedSamplesVerify(t *testing.T) {
	for file, format := range map[string]Format{"testdata/emqx.csv": FormatEMQXCSV, "testdata/emqx.json": FormatEMQXJSON} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, edit := range []func([]byte) []byte{
			bytes.Clone,
			func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) },
			func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), bytes.TrimSpace(b)...) },
			func(b []byte) []byte { // the hashes in upper case, nothing else
				return []byte(strings.NewReplacer("b6c743545a7817ae", "B6C743545A7817AE", "c5e46903df", "C5E46903DF").Replace(string(b)))
			},
		} {
			d, warnings, err := ReadFile(bytes.NewReader(edit(raw)), file, FileOptions{})
			if err != nil || d.Len() != 2 || d.FileFormat() != format {
				t.Fatalf("%s: %v, format %v, error %v; want two users, %v", file, d, d.FileFormat(), err, format)
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0].Error(), "is_superuser is true of 1 user:") {
				t.Errorf("%s: warnings %v, want one of the superuser", file, warnings)
			}
			for u := range d.All() {
				password := "mypassword" + strings.TrimPrefix(u.Name, "myuser")
				if ok, err := u.Hash.verify([]byte(password)); !ok || err != nil {
					t.Errorf("%s: %s with %q: %v, %v", file, u.Name, password, ok, err)
				}
				if ok, _ := u.Hash.verify([]byte(password + "x")); ok {
					t.Errorf("%s: %s: a wrong password is right", file, u.Name)
				}
			}
		}
	}
}

// What follows was made with Python's hashlib, of this password and this salt.
const emqxPassword, emqxSalt = "hunter2 é", "a1b2c3d4e5f60718"

var emqxDigests = []struct{ algorithm, position, hash string }{
	{"md5", "prefix", "adedb42f1ae08eb8c9258d88c90dfc15"},
	{"md5", "suffix", "fec85c30f7da39e5a6daaf5bb6472ed2"},
	{"md5", "disable", "4e9657de46161d3181fb07801b9713d3"},
	{"sha", "prefix", "4b47d36d6ec1bc2882573008b58228b1a0ebdc73"},
	{"sha", "suffix", "a156e32a64d67a6c79416eb6bdf0ace1e286dc31"},
	{"sha", "disable", "bf1c1a426a8323676eb61afaf8a4f9e89614f0d4"},
	{"sha256", "prefix", "eb0a9309a57e970e70b8ad5af4c721a4327dd513d1c0ff3c1ff78dd9eca6429f"},
	{"sha256", "suffix", "d7124b883bfe015c22ec2f8b0df593e37ba88f5b7847917fde4b9d357c5fe58b"},
	{"sha256", "disable", "7282a8a9abc549fc0bb6254bc405e7dce77a46fd0b28ecf08a0335c7cac25920"},
	{"sha512", "prefix", "a815283743af17fd15e904609de261157f8726b12499dfb4eaaf9305b27c3cf71462fc435df9b471d3ff875aa1636258febdbe7b52b2698cce445a58381b2f64"},
	{"sha512", "suffix", "e14cae966a64146e32f392fea78be11758ea80ea48807c315aaed588d0390ea8cd0f1711c051be56e1220da73102cae80a694399c40b0e6f99e6290863463db5"},
	{"sha512", "disable", "73ccb1bfc569f41a1da76d5ae01605eed403bf84191c4622f61c721e7dbb59888dbdc84d200cc212040ef80552c21095879ddda3c649276663c7ba18e2ef17b6"},
	{"plain", "prefix", emqxSalt + emqxPassword},
	{"plain", "suffix", emqxPassword + emqxSalt},
	{"plain", "disable", emqxPassword},
}

// Seven iterations; the length 0 is that of the function.
var emqxDerived = []struct {
	mac    string
	length int
	hash   string
}{
	{"md5", 0, "461663759ad63c9a9e4133f8c052184a"},
	{"sha", 0, "4d0c91d97860c0e6d65ca003402d694cbcc9513c"},
	{"sha", 16, "4d0c91d97860c0e6d65ca003402d694c"},
	{"sha224", 0, "7fa55d5fc2af37a043a1ddcef07f2963b4d12d4ff7e616c985f1bac9"},
	{"sha256", 0, "7335023e8ffcc2505716c637337f09637fe2e271c326e14719ba066ce36ecda1"},
	{"sha256", 16, "7335023e8ffcc2505716c637337f0963"},
	{"sha256", 70, "7335023e8ffcc2505716c637337f09637fe2e271c326e14719ba066ce36ecda19692e6f5fbd6ddad2dbb4bc4ade48ec07f8aad1663fbb81fb37b3a51a5448d12b752e5140f23"},
	{"sha384", 0, "69adbdec8697fe97af512352d7beb96aaa3721ba60965bafa8fd700a792bed8b0496dca62c8fc455bf2061870106108f"},
	{"sha512", 0, "ea137badc37331255dd2b3c66970a4726e647a8f7439b5f5e3779de0961a937ffaf3ca59e27aafbc5153af2edfec2146d25cdd51f6650c088f61e926374cdf17"},
	{"sha512", 16, "ea137badc37331255dd2b3c66970a472"},
}

// emqxFiles are a user's row in both formats.
func emqxFiles(hash, salt string) []string {
	return []string{
		fmt.Sprintf("salt,is_superuser,password_hash,user_id\n%s,false,%q,joe\n", salt, hash),
		fmt.Sprintf(`[{"salt":%q,"user_id":"joe","password_hash":%q}]`, salt, hash),
	}
}

// checkOnly reads a file of joe alone, who has that password and no other one, also when the
// hash is written as text and read again.
func checkOnly(t *testing.T, what, file, password string, o EMQXOptions) {
	t.Helper()
	d, _, err := ReadFile(strings.NewReader(file), "f", FileOptions{EMQX: o})
	if err != nil || d.Len() != 1 {
		t.Errorf("%s: %v; want one user", what, err)
		return
	}
	h, ok := d.lookup([]byte("joe"))
	if !ok {
		t.Errorf("%s: joe is not found", what)
		return
	}
	again, err := ParseHash(string(h.appendText(nil)))
	if err != nil {
		t.Errorf("%s: its text is not read: %v", what, err)
		return
	}
	for _, h := range []Hash{h, again} {
		for p, want := range map[string]bool{password: true, password + "x": false, password[1:]: false, "": false, emqxSalt + password: false} {
			if got, err := h.verify([]byte(p)); got != want || err != nil {
				t.Errorf("%s: verify(%q) = %v, %v; want %v", what, p, got, err, want)
			}
		}
	}
}

func TestEMQXEveryAlgorithmAndSaltPosition(t *testing.T) {
	for _, tc := range emqxDigests {
		o := EMQXOptions{Algorithm: tc.algorithm, SaltPosition: tc.position}
		for _, file := range emqxFiles(tc.hash, emqxSalt) {
			checkOnly(t, tc.algorithm+" "+tc.position, file, emqxPassword, o)
		}
		if tc.position == "disable" {
			for _, file := range emqxFiles(tc.hash, "") {
				checkOnly(t, tc.algorithm+" without a salt", file, emqxPassword, o)
			}
		}
	}
	for _, tc := range emqxDerived {
		o := EMQXOptions{Algorithm: "pbkdf2", PBKDF2MAC: tc.mac, PBKDF2Iterations: 7, PBKDF2Length: tc.length}
		for _, file := range emqxFiles(tc.hash, emqxSalt) {
			checkOnly(t, fmt.Sprintf("pbkdf2 %s %d", tc.mac, tc.length), file, emqxPassword, o)
		}
	}
	const bcrypt = "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"
	for _, salt := range []string{"", bcrypt[:29]} {
		for _, file := range emqxFiles(bcrypt, salt) {
			checkOnly(t, "bcrypt", file, "correct horse", EMQXOptions{Algorithm: "bcrypt"})
		}
	}
}

// What mosquitto has a form for takes that form.
func TestEMQXHashesThatMosquittoKnowsToo(t *testing.T) {
	suffix, derived := emqxDigests[10].hash, emqxDerived[8].hash
	for _, tc := range []struct {
		hash, salt, want string
		o                EMQXOptions
	}{
		{suffix, emqxSalt, "$6$", EMQXOptions{Algorithm: "sha512", SaltPosition: "suffix"}},
		{suffix, "short", "$emqx$sha512,suffix$", EMQXOptions{Algorithm: "sha512", SaltPosition: "suffix"}},
		{suffix, emqxSalt, "$emqx$sha512,prefix$", EMQXOptions{Algorithm: "sha512", SaltPosition: "prefix"}},
		{derived, emqxSalt, "$7$7$", EMQXOptions{Algorithm: "pbkdf2", PBKDF2MAC: "sha512", PBKDF2Iterations: 7}},
		{derived, "", "$emqx$pbkdf2,sha512,7$$", EMQXOptions{Algorithm: "pbkdf2", PBKDF2MAC: "sha512", PBKDF2Iterations: 7}},
		{emqxDigests[5].hash, emqxSalt, "{SHA}", EMQXOptions{Algorithm: "sha", SaltPosition: "disable"}},
		{"secret", "", "$6$", EMQXOptions{Algorithm: "plain"}},
	} {
		for _, file := range emqxFiles(tc.hash, tc.salt) {
			d, _, err := ReadFile(strings.NewReader(file), "f", FileOptions{EMQX: tc.o})
			if err != nil {
				t.Errorf("%+v: %v", tc.o, err)
				continue
			}
			h, _ := d.lookup([]byte("joe"))
			if got := string(h.appendText(nil)); !strings.HasPrefix(got, tc.want) {
				t.Errorf("%+v with salt %q: %q, want %q...", tc.o, tc.salt, got, tc.want)
			}
		}
	}
}

// A password in clear text is not kept as such, and a file that is read again gives the same.
func TestEMQXPlainIsHashedAlike(t *testing.T) {
	var stored [2]string
	for i := range stored {
		d, warnings, err := ReadFile(strings.NewReader("user_id,password_hash\njoe,hunter22\nann,hunter22\n"), "f", FileOptions{EMQX: EMQXOptions{Algorithm: "plain"}})
		if err != nil || len(warnings) != 1 || warnings[0].Error() != "f:2: the passwords of 2 users from here on are kept as clear text: give them new ones" {
			t.Fatalf("%v, %v; want one warning", warnings, err)
		}
		joe, _ := d.lookup([]byte("joe"))
		ann, _ := d.lookup([]byte("ann"))
		stored[i] = string(joe.appendStored(nil))
		if other := string(ann.appendStored(nil)); other == stored[i] || strings.Contains(other, "hunter22") {
			t.Errorf("ann's stored hash is %q, joe's %q", other, stored[i])
		}
	}
	if stored[0] != stored[1] {
		t.Error("the same line gave two hashes")
	}
}

func TestEMQXOptionsThatCannotBe(t *testing.T) {
	for _, o := range []EMQXOptions{
		{Algorithm: "sha-256"}, {Algorithm: "SHA256"}, {SaltPosition: "before"},
		{Algorithm: "pbkdf2"}, {Algorithm: "pbkdf2", PBKDF2Iterations: maxIterations + 1},
		{Algorithm: "pbkdf2", PBKDF2Iterations: 1, PBKDF2MAC: "md4"},
		{Algorithm: "pbkdf2", PBKDF2Iterations: 1, PBKDF2Length: 15},
		{Algorithm: "pbkdf2", PBKDF2Iterations: 1, PBKDF2Length: 257},
	} {
		if d, _, err := ReadFile(strings.NewReader("a:"+emptySHA512), "f", FileOptions{EMQX: o}); err == nil || d != nil {
			t.Errorf("%+v: %v; want an error", o, err)
		}
	}
}

func TestEMQXDerivedKeysAreBoundedInTime(t *testing.T) {
	file := fmt.Sprintf("user_id,password_hash,salt\njoe,%s,x\n", strings.Repeat("00", 256))
	_, _, err := ReadFile(strings.NewReader(file), "f", FileOptions{EMQX: EMQXOptions{
		Algorithm: "pbkdf2", PBKDF2MAC: "sha256", PBKDF2Iterations: maxIterations/8 + 1, PBKDF2Length: 256,
	}})
	if !errors.Is(err, ErrBadHash) || !strings.Contains(err.Error(), "2000008") {
		t.Errorf("error = %v, want one of 2000008 iterations", err)
	}
}
