package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"mqttward/auth"
)

// Every key about a file of users arrives where it is used: with another value of any of them, the
// same file does not let joe in.
func TestKeysAboutUsersFilesAreUsed(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		// "hunter2 é" with the salt "a1b2c3d4e5f60718"
		"suffix":   "user_id,password_hash,salt\njoe,d7124b883bfe015c22ec2f8b0df593e37ba88f5b7847917fde4b9d357c5fe58b,a1b2c3d4e5f60718\n",
		"md5":      `[{"user_id":"joe","password_hash":"4e9657de46161d3181fb07801b9713d3"}]`,
		"pbkdf2":   "user_id,password_hash,salt\njoe,4d0c91d97860c0e6d65ca003402d694c,a1b2c3d4e5f60718\n",
		"htpasswd": "joe:$2y$04$qgMo4.7KEGTaYS42ZhA2cu9.vbss2mX33KL4z1fvglvkcuUaeR7jm\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const head = base + "[auth.builtin]\nusers_file = "
	for _, tc := range []struct {
		text string
		want auth.Decision
	}{
		{"\"suffix\"\nsalt_position = \"suffix\"\n", auth.Accept},
		{"\"suffix\"\nsalt_position = \"suffix\"\nformat = \"emqx_csv\"\nalgorithm = \"sha256\"\n", auth.Accept},
		{"\"suffix\"\n", auth.Deny},
		{"\"suffix\"\nsalt_position = \"disable\"\n", auth.Deny},
		{"\"md5\"\nalgorithm = \"md5\"\nsalt_position = \"disable\"\nformat = \"emqx_json\"\n", auth.Accept},
		{"\"md5\"\nalgorithm = \"md5\"\n", auth.Accept}, // an empty salt is none
		{"\"pbkdf2\"\nalgorithm = \"pbkdf2\"\npbkdf2_mac = \"sha\"\npbkdf2_iterations = 7\npbkdf2_dk_length = 16\n", auth.Accept},
		{"\"pbkdf2\"\nalgorithm = \"pbkdf2\"\npbkdf2_mac = \"sha256\"\npbkdf2_iterations = 7\npbkdf2_dk_length = 16\n", auth.Deny},
		{"\"pbkdf2\"\nalgorithm = \"pbkdf2\"\npbkdf2_mac = \"sha\"\npbkdf2_iterations = 8\npbkdf2_dk_length = 16\n", auth.Deny},
		{"\"htpasswd\"\nformat = \"htpasswd\"\n", auth.Accept},
	} {
		d, err := New(parse(t, dir, head+tc.text), Options{})
		if err != nil {
			t.Errorf("%s: %v", tc.text, err)
			continue
		}
		v := d.generation().policy.Chain.Authenticate(t.Context(), &auth.Credentials{
			UserName: []byte("joe"), HasUserName: true, Password: []byte("hunter2 é"), HasPassword: true,
		})
		if v.Decision != tc.want {
			t.Errorf("%s: %v %v, want %v", tc.text, v.Decision, v.Reason, tc.want)
		}
		d.Close()
	}
	for _, text := range []string{
		"\"pbkdf2\"\nalgorithm = \"pbkdf2\"\npbkdf2_mac = \"sha\"\npbkdf2_iterations = 7\n", // 20 bytes
		"\"htpasswd\"\nformat = \"mosquitto\"\n",
		"\"htpasswd\"\nformat = \"emqx_csv\"\n",
		"\"suffix\"\nalgorithm = \"sha512\"\n",
	} {
		if d, err := New(parse(t, dir, head+text), Options{}); err == nil {
			d.Close()
			t.Errorf("%s is taken", text)
		}
	}
}
