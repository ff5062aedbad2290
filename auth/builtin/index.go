package builtin

import "fmt"

// index finds users by name, and reports all that is wrong with them; none may be in the
// directory too, which may be nil.
func index(users []User, directory *Directory) (map[string]Hash, error) {
	var wrong problems
	byName := make(map[string]Hash, len(users))
	for i := range users {
		u := &users[i]
		if err := checkName(u.Name); err != nil {
			wrong.add(u.File, u.Line, err)
			continue
		}
		if u.Hash == nil {
			wrong.add(u.File, u.Line, fmt.Errorf("user %s has no password hash", showName(u.Name)))
			continue
		}
		if _, ok := byName[u.Name]; ok {
			where := ""
			if !wrong.full() {
				where = first(users, u.Name)
			}
			wrong.add(u.File, u.Line, fmt.Errorf("user %s: %w%s", showName(u.Name), ErrDuplicateUser, where))
			continue
		}
		byName[u.Name] = u.Hash
		if directory == nil {
			continue
		}
		if line := directory.line(u.Name); line > 0 {
			where := ""
			if p := place(u.File, u.Line); p != "" {
				where = ": first at " + p
			}
			wrong.add(directory.file, line, fmt.Errorf("user %s: %w%s", showName(u.Name), ErrDuplicateUser, where))
		}
	}
	return byName, wrong.err()
}

// first says where the name was declared first, if that is known. It is searched for only
// where that is told, so that a million users need no more memory for it.
func first(users []User, name string) string {
	for i := range users {
		if where := place(users[i].File, users[i].Line); users[i].Name == name && where != "" {
			return ": first at " + where
		}
	}
	return ""
}
