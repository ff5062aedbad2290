package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"

	"mqttward/auth/builtin"
)

const usersHelp = `Usage: mqttward users COMMAND ...

Makes and changes password files, which mosquitto reads too, and reads those that
you have.

  mqttward users add FILE NAME       adds a user; the file is made where there is none
  mqttward users passwd FILE NAME    gives a user a new password
  mqttward users delete FILE NAME    deletes a user
  mqttward users list FILE           lists users and how their passwords are kept
  mqttward users import FROM TO      makes a password file of htpasswd's or EMQX's

A password is asked for on a terminal, and otherwise read from standard input; it is
never given on the command line, which others can see:

  mqttward users add /etc/mqttward/users sensor-1
  openssl rand -hex 24 | tee sensor-1.password | mqttward users add users sensor-1

"mqttward users COMMAND -h" tells more. What runs takes a change up on SIGHUP.
`

func users(args []string, stdout, stderr io.Writer) int {
	return group("users", usersHelp, []command{
		{"add", "", usersAdd},
		{"passwd", "", usersPasswd},
		{"delete", "", usersDelete},
		{"list", "", usersList},
		{"import", "", usersImport},
	}, args, stdout, stderr)
}

const usersAddHelp = `Usage: mqttward users add [-hash KIND] [-iterations N] FILE NAME

Adds a user to a password file, which is made where there is none, for its owner to
read alone. The password is asked for, or read from standard input. All other lines
stay as they are; mode and owner do too.

  mqttward users add /etc/mqttward/users sensor-1
  mqttward users add -hash argon2id users alice < alice.password
`

func usersAdd(args []string, stdout, stderr io.Writer) int {
	return editUsers("users add", usersAddHelp, args, stdout, stderr, func(name string, hash builtin.Hash) builtin.Change {
		return builtin.Change{Name: name, Add: true, Hash: hash}
	})
}

const usersPasswdHelp = `Usage: mqttward users passwd [-hash KIND] [-iterations N] FILE NAME

Gives a user of a password file a new password, which is asked for, or read from
standard input.

  mqttward users passwd /etc/mqttward/users sensor-1
`

func usersPasswd(args []string, stdout, stderr io.Writer) int {
	return editUsers("users passwd", usersPasswdHelp, args, stdout, stderr, func(name string, hash builtin.Hash) builtin.Change {
		return builtin.Change{Name: name, Hash: hash}
	})
}

// editUsers gives a user a password, by the change that there is to be.
func editUsers(name, help string, args []string, stdout, stderr io.Writer, change func(string, builtin.Hash) builtin.Change) int {
	f := flags(name, help, stderr)
	recipe := recipeFlags(f)
	values, code, done := parseWith(f, []string{"FILE", "NAME"}, args, stdout, stderr)
	if done {
		return code
	}
	r, err := recipe()
	if err != nil {
		return misused(name, stderr, err)
	}
	file, user := values[0], values[1]
	if err := builtin.CheckLineName(user); err != nil { // before anybody types a password
		return misused(name, stderr, err)
	}
	if err := tryChange(file, change(user, nil)); err != nil {
		return notChanged(name, file, change(user, nil), err, stderr)
	}
	password, err := readPassword(os.Stdin, stderr, printable(user))
	if err != nil {
		return failed(name, stderr, err)
	}
	hash, err := r.Hash(password)
	clear(password)
	if err != nil {
		return failed(name, stderr, err)
	}
	return applyChange(name, file, change(user, hash), stderr)
}

const usersDeleteHelp = `Usage: mqttward users delete FILE NAME

Deletes a user from a password file.

  mqttward users delete /etc/mqttward/users sensor-1
`

func usersDelete(args []string, stdout, stderr io.Writer) int {
	f := flags("users delete", usersDeleteHelp, stderr)
	values, code, done := parseWith(f, []string{"FILE", "NAME"}, args, stdout, stderr)
	if done {
		return code
	}
	return applyChange(f.Name(), values[0], builtin.Change{Name: values[1]}, stderr)
}

// applyChange changes a file.
func applyChange(name, file string, c builtin.Change, stderr io.Writer) int {
	err := errStandardFile
	if file != "-" {
		err = rewrite(file, creationBy(c), func(r io.Reader, w io.Writer) error { return builtin.Edit(r, w, c) })
	}
	if err != nil {
		return notChanged(name, file, c, err, stderr)
	}
	return exitOK
}

// creationBy says what becomes of a file by a change.
func creationBy(c builtin.Change) creation {
	if c.Add {
		return mayExist
	}
	return mustExist
}

// errStandardFile is about "-", which names no file and can't be rewritten in place.
var errStandardFile = errors.New("FILE is changed in place, and - is standard input: name a file, such as ./-")

// tryChange says why a change can't be made, before anybody types a password for it.
func tryChange(file string, c builtin.Change) error {
	if file == "-" {
		return errStandardFile
	}
	how := creationBy(c)
	path, err := resolve(file, how)
	if err != nil {
		return err
	}
	old, _, err := openOld(path, how)
	if err != nil || old == nil {
		return err
	}
	defer old.Close()
	return builtin.Edit(old, io.Discard, c)
}

// notChanged tells why a file was not changed, and what to do.
func notChanged(name, file string, c builtin.Change, err error, stderr io.Writer) int {
	hint := ""
	switch {
	case errors.Is(err, fs.ErrNotExist) && !c.Add:
		hint = "; \"mqttward users add\" makes a file"
	case errors.Is(err, builtin.ErrUserExists):
		hint = fmt.Sprintf("; for a new password write mqttward users passwd %s %s", file, c.Name)
	case errors.Is(err, builtin.ErrNoSuchUser):
		hint = fmt.Sprintf("; mqttward users list %s shows all", file)
	case errors.Is(err, builtin.ErrDuplicateUser):
		hint = "; delete one of the lines by hand"
	case errors.Is(err, builtin.ErrNotLines):
		hint = fmt.Sprintf("; mqttward users import %s NEW makes a password file of it", file)
	}
	return failed(name, stderr, fmt.Errorf("%w%s", err, hint))
}

// recipeFlags adds the flags about a new hash.
func recipeFlags(f *flag.FlagSet) func() (builtin.Recipe, error) {
	kind := f.String("hash", "pbkdf2", "how the password is kept: `KIND` is pbkdf2 ($7$, read by mosquitto from 2.0 on) or\nargon2id (46 MiB for each check; mosquitto from 2.1 on), the better one for passwords that\npeople choose")
	iterations := f.Int("iterations", builtin.DefaultIterations, "the iterations of pbkdf2, `N` from 1 to 2000000: more are slower, for who guesses and for you")
	return func() (builtin.Recipe, error) {
		given := false
		f.Visit(func(g *flag.Flag) { given = given || g.Name == "iterations" })
		switch {
		case *kind != "pbkdf2" && *kind != "argon2id":
			return builtin.Recipe{}, fmt.Errorf("-hash must be pbkdf2 or argon2id, not %q", *kind)
		case given && *kind != "pbkdf2":
			return builtin.Recipe{}, fmt.Errorf("-iterations has no use with -hash %s: leave it out", *kind)
		case *iterations < 1 || *iterations > 2_000_000:
			return builtin.Recipe{}, fmt.Errorf("-iterations must be from 1 to 2000000, not %d", *iterations)
		}
		return builtin.Recipe{Argon2id: *kind == "argon2id", Iterations: *iterations}, nil
	}
}
