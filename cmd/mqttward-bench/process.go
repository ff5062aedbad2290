package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program that was started, the leader of a process group with all that it
// starts in turn. It must be killed.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string        // the file that has its output
	done chan struct{} // closed when the leader has ended
	end  sync.Once
}

// startProcess starts cmd. What it writes and nobody else takes is appended to the file log.
func startProcess(name, log string, cmd *exec.Cmd) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	if cmd.Stdout == nil {
		cmd.Stdout = out
	}
	cmd.Stderr = out
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // it is killed in the end: its exit code says nothing
	}()
	return p, nil
}

// group is the id of the process group.
func (p *process) group() int { return p.cmd.Process.Pid }

// patience is how long a process may take to end of itself.
const patience = time.Second

// kill ends all processes of the group, and waits for the leader. It may be called again.
func (p *process) kill() {
	p.end.Do(func() {
		// A leader that is asked takes along those that it has started, and waits for them.
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		timeout := time.NewTimer(patience)
		defer timeout.Stop()
		select {
		case <-p.done:
		case <-timeout.C:
		}
		killGroup(p.group())
		<-p.done
	})
}

// readyTimeout is how long a proxy may take until it listens.
const readyTimeout = 10 * time.Second

// awaitListening waits until somebody listens at all addresses.
func (p *process) awaitListening(ctx context.Context, addresses []string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	var d net.Dialer
	for _, address := range addresses {
		for {
			conn, err := d.DialContext(ctx, "tcp", address)
			if err == nil {
				conn.Close()
				break
			}
			select {
			case <-p.done:
				return fmt.Errorf("start %s: it ended: %s", p.name, p.lastWords())
			case <-ctx.Done():
				return fmt.Errorf("start %s: it does not listen: %w: %s", p.name, err, p.lastWords())
			case <-retry.C:
			}
		}
	}
	return nil
}

// lastWords returns the end of the process's output.
func (p *process) lastWords() string {
	const most = 1000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}

// freeAddresses returns n loopback addresses that the system chooses. All are open at once,
// so that none comes twice.
func freeAddresses(n int) ([]string, error) {
	addresses := make([]string, n)
	for i := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		addresses[i] = l.Addr().String()
	}
	return addresses, nil
}
