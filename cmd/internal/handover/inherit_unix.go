//go:build unix

package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The first descriptor that is passed to a process, by systemd's rules and by ours.
const firstFile = 3

// maxSockets is far more than there are listeners.
const maxSockets = 1024

// variable is where a predecessor says what it passes.
const variable = "MQTTWARD_UPGRADE"

// passed is the value of variable, as JSON. The pipe is the first descriptor, the sockets follow.
type passed struct {
	Predecessor int // process id
	Parent      int // the successor's, process id
	Sockets     []passedSocket
}

type passedSocket struct{ Name, Bind string }

// Take takes what the environment says that this process was started with, nil where that is
// nothing, and what says so out of it: no process that this one starts inherits any of it. It must
// be called once, before a file is opened.
func Take() (*Inherited, error) {
	value := os.Getenv(variable)
	pid, fds, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, v := range []string{variable, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(v)
	}
	switch {
	case value != "":
		return fromPredecessor(value)
	case pid == strconv.Itoa(os.Getpid()):
		return fromSystemd(fds, names)
	}
	return nil, nil // systemd's are for another process
}

func fromPredecessor(value string) (*Inherited, error) {
	var p passed
	if err := json.Unmarshal([]byte(value), &p); err != nil {
		return nil, fmt.Errorf("read %s: %w", variable, err)
	}
	if p.Parent != os.Getppid() {
		return nil, fmt.Errorf("%s is for a process that %d started, not for this one", variable, p.Parent)
	}
	ready, err := file(firstFile, "ready")
	if err != nil {
		return nil, err
	}
	i := &Inherited{ready: ready}
	if i.predecessor, err = os.FindProcess(p.Predecessor); err != nil {
		ready.Close()
		return nil, fmt.Errorf("%s: process %d: %w", variable, p.Predecessor, err)
	}
	for n, s := range p.Sockets {
		f, err := file(firstFile+1+n, s.Name)
		if err != nil {
			i.CloseSockets()
			ready.Close()
			return nil, err
		}
		i.sockets = append(i.sockets, Socket{Name: s.Name, Bind: s.Bind, File: f})
	}
	return i, nil
}

// fromSystemd takes what sd_listen_fds_with_names(3) describes.
func fromSystemd(fds, names string) (*Inherited, error) {
	n, err := strconv.Atoi(fds)
	if err != nil || n < 0 || n > maxSockets {
		return nil, fmt.Errorf("LISTEN_FDS is %q: want a number up to %d", fds, maxSockets)
	}
	all := strings.Split(names, ":")
	i := &Inherited{}
	for k := range n {
		name := ""
		if k < len(all) {
			name = all[k]
		}
		f, err := file(firstFile+k, name)
		if err != nil {
			i.CloseSockets()
			return nil, err
		}
		i.sockets = append(i.sockets, Socket{Name: name, File: f})
	}
	return i, nil
}

// file returns the descriptor fd, which no process that is started later inherits.
func file(fd int, name string) (*os.File, error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if errors.Is(err, unix.EBADF) {
		return nil, fmt.Errorf("file descriptor %d, %q, is not there", fd, name)
	}
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFD, flags|unix.FD_CLOEXEC)
	}
	if err != nil {
		return nil, fmt.Errorf("file descriptor %d, %q: %w", fd, name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
