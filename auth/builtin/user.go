package builtin

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"mqttward/auth"
)

// User is a name and the hash of its password.
type User struct {
	// Name is a user name, or a client id where [Options.IdentifyBy] is [ClientID]: 1 to
	// 65,535 bytes of UTF-8 without U+0000, which is what MQTT can carry [MQTT5 1.5.4].
	Name string
	// Hash is never nil.
	Hash Hash
	// File and Line are where the user was declared, for messages. Zero means unknown.
	File string
	Line int
}

// ErrDuplicateUser is wrapped by the errors about a name that was declared twice. The two
// may have different passwords, and nobody can tell which was meant.
var ErrDuplicateUser = errors.New("the user is declared twice")

// maxName is the longest text in MQTT [MQTT5 1.5.4].
const maxName = 65535

// checkName says what is wrong with a user's name.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("the user name is empty")
	case len(name) > maxName:
		return fmt.Errorf("the user name has %d bytes: MQTT can carry %d", len(name), maxName)
	case !utf8.ValidString(name):
		return errors.New("the user name is not UTF-8: no client can send it")
	}
	for i := 0; i < len(name); i++ {
		if name[i] == 0 {
			return errors.New("the user name has a NUL in it: no client can send it")
		}
	}
	return nil
}

// showName is name for a message, in quotes.
func showName(name string) string { return `"` + auth.Display([]byte(name)) + `"` }
