package proxy

import (
	"context"
	"crypto/x509"
	"maps"
	"net"
	"slices"
	"sync"

	"mqttward/proxy/relay"
)

// roster knows every connection from accept to its end. It is safe for concurrent use.
type roster struct {
	mu          sync.Mutex
	empty       *sync.Cond               // connections are, and maybe sessions
	acceptors   int                      // those that may still bring a connection
	connections map[*connection]struct{} // those with a goroutine of their own
	sessions    map[*session]struct{}    // those that relay, or are about to
	// certified has the chains of the sessions whose clients showed a certificate; the session's TLS
	// keeps them all the same.
	certified map[*session][][]*x509.Certificate
	admitted  admissions
	up, down  uint64 // bytes of the sessions that have ended
	draining  bool   // no session begins any more
	cutting   bool   // connections are closed at once
}

func newRoster() *roster {
	r := &roster{
		connections: map[*connection]struct{}{},
		sessions:    map[*session]struct{}{},
		certified:   map[*session][][]*x509.Certificate{},
		admitted:    admissions{of: map[string]int{}},
	}
	r.empty = sync.NewCond(&r.mu)
	return r
}

// enter adds a connection, and leave removes it when its goroutine ends.
func (r *roster) enter(c *connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connections[c] = struct{}{}
	if r.cutting {
		c.socket.Close()
	}
}

func (r *roster) leave(c *connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.connections, c)
	r.tell()
}

// begin adds a session that is about to relay between c and upstream, unless the server is
// about to end; end removes it, and takes what it has carried. From begin on, it is the session
// that counts as admitted.
func (r *roster) begin(s *session, c *connection, upstream net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return false
	}
	c.upstream = upstream
	c.admitted = false
	r.sessions[s] = struct{}{}
	if c.certified != nil {
		r.certified[s] = c.certified
	}
	return true
}

// exchange has another upstream in the place of c's, which is closed.
func (r *roster) exchange(c *connection, upstream net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.upstream = upstream
	if r.cutting {
		relay.Socket(upstream).Close()
	}
}

// handOver notes that c's sockets are the relay's from now on: they are no longer ours to close.
func (r *roster) handOver(c *connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.upstream = nil
}

func (r *roster) end(s *session, up, down uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up += up
	r.down += down
	delete(r.sessions, s)
	delete(r.certified, s)
	r.admitted.add(s.listener.Name, s.address(), -1)
	r.tell()
}

// chains are those that a session's client showed a certificate of; none where it showed none, or the
// session has ended.
func (r *roster) chains(s *session) [][]*x509.Certificate {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.certified[s]
}

func (r *roster) tell() {
	if len(r.connections) == 0 {
		r.empty.Broadcast()
	}
}

// accepts counts one that accepts connections, and stopped says that the last of its connections
// has entered.
func (r *roster) accepts() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acceptors++
}

func (r *roster) stopped() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acceptors--
	r.tell()
}

// drain sees to it that no session begins any more, and returns those that have begun.
func (r *roster) drain() []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
	return slices.Collect(maps.Keys(r.sessions))
}

// cut closes whatever connections hold, so that nothing they wait for keeps them.
func (r *roster) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cutting = true
	for c := range r.connections {
		c.socket.Close()
		if c.upstream != nil {
			relay.Socket(c.upstream).Close()
		}
	}
}

// wait returns nil once nothing is left, or the error of ctx.
func (r *roster) wait(ctx context.Context) error {
	return r.await(ctx, func() bool { return len(r.connections)+len(r.sessions) == 0 })
}

// settle returns nil once everybody who was accepted is a session, or has gone, and nobody is
// accepted any more.
func (r *roster) settle(ctx context.Context) error {
	return r.await(ctx, func() bool { return r.acceptors+len(r.connections) == 0 })
}

// await returns nil once done says so, under the lock, or the error of ctx.
func (r *roster) await(ctx context.Context, done func() bool) error {
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.empty.Broadcast()
	})
	defer stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !done() {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.empty.Wait()
	}
	return nil
}
