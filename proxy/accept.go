package proxy

import (
	"errors"
	"io"
	"net"
	"time"
)

// Serve accepts clients from l until the server ends, and closes l. It returns
// [ErrServerClosed] then, and any other error only where l can't be used any more.
func (s *Server) Serve(l Listener) error {
	defer l.Close()
	a, err := s.newAcceptor(&l)
	if err != nil {
		return err
	}
	if !s.listen(a) {
		a.discard()
		return ErrServerClosed
	}
	defer s.goroutines.Done()
	return a.serve()
}

// acceptor serves a listener until it is closed, or else is discarded.
type acceptor interface {
	io.Closer
	serve() error
	discard()
}

// netAcceptor is for listeners of package net: each client has a goroutine until it is relayed.
type netAcceptor struct {
	*Listener
	srv *Server
}

func (a netAcceptor) serve() error {
	defer a.srv.roster.stopped()
	return a.srv.accept(a.Listener)
}

func (a netAcceptor) discard() { a.Close() }

// listen notes what ends accepting, unless the server is ending itself. One must be taken from
// the goroutines afterwards.
func (s *Server) listen(closer io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Err() != nil || s.stopping.Load() {
		closer.Close()
		return false
	}
	s.listeners[closer] = struct{}{}
	s.roster.accepts()
	s.goroutines.Add(1)
	return true
}

// acceptBackOff bounds the wait after an error of accept, such as no descriptor left.
const acceptBackOffMin, acceptBackOffMax = 5 * time.Millisecond, time.Second

func (s *Server) accept(l *Listener) error {
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
			if s.stopping.Load() {
				return ErrServerClosed
			}
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
		s.goroutines.Go(s.newConnection(l, conn, hs).serve)
	}
}
