package admin

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"mqttward/proxy"
)

// lastUnheard is how many of those that are alike are kept apart. Each is some hundred bytes.
const lastUnheard = 100

// unheard remembers connections that ended before their CONNECT was whole. Those of one address,
// listener and certificate that ended alike are one: a balancer that looks every second whether somebody listens, or a
// device that tries again and again, takes one place. When all are taken, those go that did not come
// for longest. Its size is fixed. It is safe for concurrent use.
type unheard struct {
	mu    sync.Mutex
	kept  []alike // in no order
	total uint64
}

// alike are connections that ended alike.
type alike struct {
	proxy.Unheard // the last of them
	count         uint64
	turn          uint64 // the total at the last of them
}

func newUnheard() *unheard { return &unheard{kept: make([]alike, 0, lastUnheard)} }

// add takes one more.
func (u *unheard) add(one proxy.Unheard) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.total++
	oldest := 0
	for i := range u.kept {
		if a := &u.kept[i]; a.like(&one) {
			a.Unheard, a.count, a.turn = one, a.count+1, u.total
			return
		}
		if u.kept[i].turn < u.kept[oldest].turn {
			oldest = i
		}
	}
	a := alike{Unheard: one, count: 1, turn: u.total}
	if len(u.kept) < lastUnheard {
		u.kept = append(u.kept, a)
		return
	}
	u.kept[oldest] = a
}

// like reports whether one more is as those before.
func (a *alike) like(one *proxy.Unheard) bool {
	return a.Remote.Addr() == one.Remote.Addr() && a.Handshake == one.Handshake && a.Reason == one.Reason &&
		a.Listener == one.Listener && a.CertSubject == one.CertSubject
}

// lately returns those that are kept and that word, in any case, is found in, the last to come first,
// and how many connections there were in all.
func (u *unheard) lately(word string) (last []alike, total uint64) {
	u.mu.Lock()
	last, total = slices.Clone(u.kept), u.total
	u.mu.Unlock()
	word = strings.ToLower(word)
	last = slices.DeleteFunc(last, func(a alike) bool { return !a.holds(word) })
	slices.SortFunc(last, func(a, b alike) int { return cmp.Compare(b.turn, a.turn) })
	return last, total
}

// holds reports whether a word in lower case is found in what is shown.
func (a *alike) holds(word string) bool {
	return found(word, shownAddress(a.Remote), a.Reason, a.handshake(), a.CertSubject, a.Listener, a.Detail)
}

// handshake is the word for how the TLS handshake ended; empty where it is not the reason.
func (a *alike) handshake() string {
	if a.Handshake == proxy.HandshakeOK {
		return ""
	}
	return a.Handshake.String()
}
