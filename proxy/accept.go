package proxy

import (
	"errors"
	"net"
	"time"
)

// Serve accepts clients from l until the server ends, and closes l. It returns
// [ErrServerClosed] then, and any other error only where l can't be used any more.
func (s *Server) Serve(l Listener) error {
	s.mu.Lock()
	if s.draining.Err() != nil {
		s.mu.Unlock()
		l.Close()
		return ErrServerClosed
	}
	s.listeners[l.Listener] = struct{}{}
	s.goroutines.Add(1)
	s.mu.Unlock()
	defer s.goroutines.Done()
	defer l.Close()
	return s.accept(l)
}

// acceptBackOff bounds the wait after an error of accept, such as no descriptor left.
const acceptBackOffMin, acceptBackOffMax = 5 * time.Millisecond, time.Second

func (s *Server) accept(l Listener) error {
	wait := acceptBackOffMin
	for {
		conn, err := l.Accept()
		switch {
		case s.draining.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			s.log.Error("accept", "listener", l.Name, "error", err, "retry_in", wait.String())
			select {
			case <-time.After(wait):
			case <-s.draining.Done():
				return ErrServerClosed
			}
			wait = min(2*wait, acceptBackOffMax)
			continue
		}
		wait = acceptBackOffMin
		hs := s.handshakes.begin(conn)
		if hs == nil {
			conn.Close()
			return ErrServerClosed
		}
		policy := s.policy.Load()
		conn.SetDeadline(time.Now().Add(policy.Limits.ConnectTimeout))
		if s.draining.Err() != nil { // and its deadline may have been there before ours
			conn.SetDeadline(time.Now().Add(silentGrace))
		}
		c := s.newConnection(&l, policy, conn, hs)
		s.goroutines.Go(c.serve)
	}
}
