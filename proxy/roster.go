package proxy

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"

	"mqttward/proxy/relay"
)

// roster knows every connection from accept to its end. It is safe for concurrent use.
type roster struct {
	mu          sync.Mutex
	empty       *sync.Cond               // both maps are
	connections map[*connection]struct{} // those with a goroutine of their own
	sessions    map[*session]struct{}    // those that relay, or are about to
	max         int                      // clients that may be admitted; 0: no limit
	admitted    int
	up, down    uint64 // bytes of the sessions that have ended
	draining    bool   // no session begins any more
	cutting     bool   // connections are closed at once
}

func newRoster() *roster {
	r := &roster{connections: map[*connection]struct{}{}, sessions: map[*session]struct{}{}}
	r.empty = sync.NewCond(&r.mu)
	return r
}

// limit sets how many clients may be admitted; 0 means no limit.
func (r *roster) limit(max int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.max = max
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

// admit counts a client towards the limit, if there is room; dismiss ends that.
func (r *roster) admit() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.max > 0 && r.admitted >= r.max {
		return false
	}
	r.admitted++
	return true
}

func (r *roster) dismiss() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admitted--
}

// begin adds a session that is about to relay between c and upstream, unless the server is
// about to end; end removes it, and takes what it has carried.
func (r *roster) begin(s *session, c *connection, upstream net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return false
	}
	c.upstream = upstream
	r.sessions[s] = struct{}{}
	return true
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
	r.tell()
}

func (r *roster) tell() {
	if len(r.connections)+len(r.sessions) == 0 {
		r.empty.Broadcast()
	}
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
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.empty.Broadcast()
	})
	defer stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.connections)+len(r.sessions) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.empty.Wait()
	}
	return nil
}
