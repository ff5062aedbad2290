package proxy

import (
	"context"
	"net"
	"sync"
	"time"

	"mqttward/proxy/relay"
)

// Sessions is the number of sessions that relay, or are about to.
func (s *Server) Sessions() int {
	s.roster.mu.Lock()
	defer s.roster.mu.Unlock()
	return len(s.roster.sessions)
}

// Accepted is the number of connections that were accepted so far.
func (s *Server) Accepted() uint64 { return s.lastConn.Load() }

// StopAccepting closes the listeners, which another process has a descriptor of, and lets whoever was
// accepted become a session: it returns nil when nobody is on the way any more, or else the error
// of ctx. Sessions go on; Shutdown or Close must follow.
func (s *Server) StopAccepting(ctx context.Context) error {
	s.mu.Lock()
	s.stopping.Store(true)
	for l := range s.listeners {
		l.Close() // it stays in the map: what serves it is yet to be woken by the end
	}
	s.mu.Unlock()
	return s.roster.settle(ctx)
}

// Shutdown closes the listeners, refuses whoever is not relaying yet with shutting_down, ends
// every session as d has it, MQTT 5.0 clients with DISCONNECT 0x8B where a packet boundary comes,
// and waits for all of them. When ctx ends first, its error is returned, and Close ends the rest.
func (s *Server) Shutdown(ctx context.Context, d Drain) error {
	sessions := s.beginDrain()
	pacing, stop := context.WithCancel(ctx)
	var paced sync.WaitGroup
	paced.Go(func() { endEvenly(pacing, sessions, d, func(s *session) { s.drain(d.Quiet) }) })
	err := s.roster.wait(ctx)
	stop()
	paced.Wait()
	if err != nil {
		return err
	}
	return s.Close()
}

// Close ends everything at once, and returns when nothing is left of the server but, for a
// moment, what the relay is ending.
func (s *Server) Close() error {
	sessions := s.beginDrain()
	s.roster.cut()
	for _, session := range sessions {
		session.kill(relay.Forced)
	}
	_ = s.roster.wait(context.Background())
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		s.lingerers.close()
		s.wheel.close()
	}
	s.goroutines.Wait()
	s.sampler.flush()
	return nil
}

// silentGrace is how long a connection whose CONNECT is on its way may take to deliver it
// once the server is shutting down, so that it can be told.
const silentGrace = 250 * time.Millisecond

// beginDrain closes the listeners, sees to it that nobody else comes to relay, and returns
// the sessions that do.
func (s *Server) beginDrain() []*session {
	s.mu.Lock()
	s.drain()
	for l := range s.listeners {
		l.Close()
	}
	clear(s.listeners)
	s.mu.Unlock()
	s.handshakes.close(func(c net.Conn) { c.SetDeadline(time.Now().Add(silentGrace)) })
	return s.roster.drain()
}
