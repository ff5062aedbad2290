package builtin

// census counts users by the work of their hashes.
type census map[work]kindred

// kindred are users whose hashes have the same work, and one of these.
type kindred struct {
	hash  Hash
	users int
}

func (c census) count(h Hash) { c.add(h.work(), kindred{h, 1}) }

func (c census) add(w work, more kindred) {
	more.users += c[w].users
	c[w] = more
}

// survey returns a hash of the work that most users have, the costlier where two are equally
// frequent, and how many have a slow one.
func (c census) survey() (usual Hash, slow int) {
	var most kindred
	for w, g := range c {
		if w.slow() {
			slow += g.users
		}
		if g.users > most.users || g.users == most.users && w.takes > most.hash.work().takes {
			most = g
		}
	}
	return most.hash, slow
}
