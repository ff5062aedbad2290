package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"

	"mqttward/auth/builtin"
)

const usersListHelp = `Usage: mqttward users list [FLAGS] FILE

Lists the users of a file, a line each: the name, a tab, and how the password is
kept. The file may be mosquitto's, htpasswd's or EMQX's.

  mqttward users list /etc/mosquitto/passwd
  mqttward users list users | cut -f 1
`

func usersList(args []string, stdout, stderr io.Writer) int {
	f := flags("users list", usersListHelp, stderr)
	options := fileFlags(f)
	values, code, done := parseWith(f, []string{"FILE"}, args, stdout, stderr)
	if done {
		return code
	}
	o, err := options()
	if err != nil {
		return misused(f.Name(), stderr, err)
	}
	all, err := readUsers(values[0], o, stderr)
	if err != nil {
		return failed(f.Name(), stderr, err)
	}
	out := bufio.NewWriter(stdout)
	for u := range all.All() {
		fmt.Fprintf(out, "%s\t%s\n", printable(u.Name), u.Hash.Algorithm())
	}
	if err := out.Flush(); err != nil {
		return failed(f.Name(), stderr, err)
	}
	return exitOK
}

// printable is a name as it may be written on a terminal: as it is, or quoted where it is hostile.
func printable(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}

const usersImportHelp = `Usage: mqttward users import [FLAGS] FROM TO

Makes a new password file TO of a file FROM: EMQX's CSV or JSON, htpasswd's, or
mosquitto's. Nobody needs a new password. EMQX's files don't tell how their hashes
were made: give the settings of its password_hash_algorithm, where they are not
those of sha256 with the salt as prefix. Passwords that stand there in clear text
(-algorithm plain) are hashed; -hash and -iterations say how. FROM may be - for
standard input, and TO - for standard output.

mosquitto can read a hash of TO where it is $6$ or $7$ (2.0 wants a salt of 12 bytes)
or argon2id (2.1). EMQX's other hashes, bcrypt and {SHA} are read by mqttward alone; a
new password changes that.

  mqttward users import -algorithm pbkdf2 -pbkdf2-mac sha256 \
      -pbkdf2-iterations 4096 emqx-users.csv /etc/mqttward/users
`

func usersImport(args []string, stdout, stderr io.Writer) int {
	f := flags("users import", usersImportHelp, stderr)
	options, recipe := fileFlags(f), recipeFlags(f)
	values, code, done := parseWith(f, []string{"FROM", "TO"}, args, stdout, stderr)
	if done {
		return code
	}
	r, err := recipe()
	if err != nil {
		return misused(f.Name(), stderr, err)
	}
	o, err := options()
	if err != nil {
		return misused(f.Name(), stderr, err)
	}
	o.Clear = func(_ string, password []byte) (builtin.Hash, error) { return r.Hash(password) }
	all, err := readUsers(values[0], o, stderr)
	if err != nil {
		return failed(f.Name(), stderr, err)
	}
	ours, told := 0, stdout
	if values[1] == "-" {
		var text bytes.Buffer // whole or not at all, as a file
		if ours, err = writeUsers(&text, all); err == nil {
			_, err = text.WriteTo(stdout)
		}
		told = stderr
	} else {
		ours, err = importInto(values[1], all)
	}
	if err != nil {
		return failed(f.Name(), stderr, err)
	}
	fmt.Fprintf(told, "%d users are in %s now\n", all.Len(), toName(values[1]))
	if ours > 0 {
		fmt.Fprintf(stderr, "note: the hashes of %d of them are read by mqttward, and not by every mosquitto\n", ours)
	}
	return exitOK
}

// toName is what a file is called where - is standard output.
func toName(file string) string {
	if file == "-" {
		return "standard output"
	}
	return file
}

// importInto writes a new password file, and counts the hashes that mosquitto can't read.
func importInto(file string, all *builtin.Directory) (ours int, err error) {
	err = rewrite(file, mustBeNew, func(_ io.Reader, w io.Writer) error {
		var err error
		ours, err = writeUsers(w, all)
		return err
	})
	return ours, err
}

// writeUsers writes a password file, and counts the hashes that mosquitto can't read.
func writeUsers(w io.Writer, all *builtin.Directory) (ours int, err error) {
	out := bufio.NewWriter(w)
	for u := range all.All() {
		mosquitto, err := builtin.WriteLine(out, u)
		if err != nil {
			return 0, fmt.Errorf("%s:%d: %w; mqttward reads the file as it is too", u.File, u.Line, err)
		}
		if !mosquitto {
			ours++
		}
	}
	return ours, out.Flush()
}

// fileFlags adds the flags about a file of users: the keys of [auth.builtin].
func fileFlags(f *flag.FlagSet) func() (builtin.FileOptions, error) {
	var e builtin.EMQXOptions
	format := f.String("format", "auto", "`FORMAT` is auto, mosquitto, htpasswd, emqx_csv or emqx_json")
	strict := f.Bool("strict", true, "-strict=false leaves out what can't be read, with a warning")
	f.StringVar(&e.Algorithm, "algorithm", "sha256", "of EMQX's hashes: `NAME` is plain, md5, sha, sha256, sha512, bcrypt or pbkdf2")
	f.StringVar(&e.SaltPosition, "salt-position", "prefix", "of EMQX's hashes: `WHERE` is prefix, suffix or disable")
	f.StringVar(&e.PBKDF2MAC, "pbkdf2-mac", "sha256", "EMQX's mac_fun: `NAME` is md5, sha, sha224, sha256, sha384 or sha512")
	f.IntVar(&e.PBKDF2Iterations, "pbkdf2-iterations", 0, "EMQX's iterations: `N`, needed with pbkdf2")
	f.IntVar(&e.PBKDF2Length, "pbkdf2-dk-length", 0, "EMQX's dk_length: `N` bytes; 0 is what pbkdf2-mac gives")
	return func() (builtin.FileOptions, error) {
		form, ok := builtin.ParseFormat(*format)
		if !ok {
			return builtin.FileOptions{}, fmt.Errorf("-format must be auto, mosquitto, htpasswd, emqx_csv or emqx_json, not %q", *format)
		}
		return builtin.FileOptions{Format: form, Lenient: !*strict, EMQX: e}, e.Check()
	}
}

// readUsers reads a file of users, or standard input where its name is "-", and tells its warnings.
func readUsers(file string, o builtin.FileOptions, stderr io.Writer) (*builtin.Directory, error) {
	in := os.Stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer opened.Close()
		in = opened
	}
	all, warnings, err := builtin.ReadFile(in, file, o)
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		fmt.Fprintf(stderr, "warning: %s\n", w)
	}
	return all, nil
}
