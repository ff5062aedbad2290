//go:build unix

package handover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Successor is a process that was started to follow this one.
type Successor struct {
	cmd     *exec.Cmd
	sibling bool
	ready   *os.File
	ended   chan error
}

// Start starts p with sockets: as this process's child or, where the system can, as its sibling.
func Start(p Program, sockets []Socket, sibling bool) (*Successor, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	info := passed{Predecessor: os.Getpid(), Parent: os.Getpid()}
	cmd := exec.Command(p.Path, p.Args[1:]...)
	cmd.Args[0] = p.Args[0]
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	if sibling = sibling && asSibling(cmd); sibling {
		info.Parent = os.Getppid()
	}
	for _, s := range sockets {
		info.Sockets = append(info.Sockets, passedSocket{s.Name, s.Bind})
		cmd.ExtraFiles = append(cmd.ExtraFiles, s.File)
	}
	value, err := json.Marshal(info)
	if err != nil {
		ours.Close()
		return nil, err
	}
	cmd.Env = append(environment(), variable+"="+string(value))
	if err := cmd.Start(); err != nil {
		ours.Close()
		return nil, err
	}
	return &Successor{cmd: cmd, sibling: sibling, ready: ours, ended: make(chan error, 1)}, nil
}

// environment is this process's without what names the process that systemd started.
func environment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "WATCHDOG_PID=") {
			env = append(env, e)
		}
	}
	return env
}

// PID is the process id.
func (s *Successor) PID() int { return s.cmd.Process.Pid }

// Ended delivers once how a successor ended that was ready before.
func (s *Successor) Ended() <-chan error { return s.ended }

// Stop tells the successor to end in order.
func (s *Successor) Stop() { _ = s.cmd.Process.Signal(unix.SIGTERM) }

// Reload has a successor that is ready read its configuration anew.
func (s *Successor) Reload() { _ = s.cmd.Process.Signal(unix.SIGHUP) }

// errNotReady says that a successor ended, or closed its pipe.
var errNotReady = errors.New("it ended before it was ready")

// Wait returns nil when the successor is ready. Where it ends before that, or ctx does, the error
// says so, and nothing is left of it. It must be called once.
func (s *Successor) Wait(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		_ = s.cmd.Process.Kill()
		_ = s.ready.SetReadDeadline(time.Now()) // what it has started may hold the pipe's other end
	})
	n, _ := s.ready.Read(make([]byte, 1))
	if !stop() && ctx.Err() != nil {
		s.ready.Close()
		_ = s.wait()
		return ctx.Err()
	}
	if n == 1 {
		go func() { s.ended <- s.end() }() // it leaves no zombie either, should it end before we do
		return nil
	}
	s.ready.Close()
	_ = s.cmd.Process.Kill() // it may have closed its pipe only
	if err := s.wait(); err != nil {
		return fmt.Errorf("%w: %w", errNotReady, err)
	}
	return errNotReady
}

// errGone says that a sibling has ended. How, its parent is told.
var errGone = errors.New("it is gone")

// end returns how a successor has ended, once it has: it keeps its end of the pipe until then.
func (s *Successor) end() error {
	defer s.ready.Close()
	if s.sibling {
		_, _ = s.ready.Read(make([]byte, 1))
		return errGone
	}
	return s.cmd.Wait()
}

// wait waits for the end of a child.
func (s *Successor) wait() error {
	if s.sibling {
		return s.cmd.Process.Release()
	}
	return s.cmd.Wait()
}
