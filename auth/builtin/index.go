package builtin

import "fmt"

// index finds users by name, and reports all that is wrong with them.
func index(users []User) (map[string]Hash, error) {
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

// survey returns a hash of the work that most users have, the costlier where two are
// equally frequent, and how many have a slow one.
func survey(users []User) (usual Hash, slow int) {
	type group struct {
		hash  Hash
		users int
	}
	groups := make(map[work]group)
	for i := range users {
		w := users[i].Hash.work()
		if w.slow() {
			slow++
		}
		groups[w] = group{users[i].Hash, groups[w].users + 1}
	}
	var most group
	for w, g := range groups {
		if g.users > most.users || g.users == most.users && w.takes > most.hash.work().takes {
			most = g
		}
	}
	return most.hash, slow
}
