package handover

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// IsUpgrade reports whether another mqttward waits for this one to be ready.
func (i *Inherited) IsUpgrade() bool { return i != nil && i.ready != nil }

// PredecessorLives reports whether the process that this one follows goes on: it drains.
func (i *Inherited) PredecessorLives() bool {
	return i.IsUpgrade() && i.predecessor != nil && i.predecessor.Signal(syscall.Signal(0)) == nil
}

// Any reports whether there is a socket.
func (i *Inherited) Any() bool { return i != nil && len(i.sockets) > 0 }

// Assign returns the sockets of wanted, whose files are left out, in their order; nil for one that
// must be opened. The files stay the Inherited's.
//
// From a predecessor come those whose address is the same as before. systemd's go by name, and what
// no name fits, in order to the listeners that are left: it names them as FileDescriptorName has
// it. A socket of systemd's for which there is no listener is an error: somebody expects to be
// heard there.
func (i *Inherited) Assign(wanted []Socket) ([]*os.File, error) {
	files := make([]*os.File, len(wanted))
	if i == nil {
		return files, nil
	}
	left := append([]Socket(nil), i.sockets...)
	rules := []func(have, want Socket) bool{sameName}
	if i.ready != nil {
		rules = []func(have, want Socket) bool{same, sameBind}
	}
	for _, fits := range rules {
		left = give(files, wanted, left, fits)
	}
	if i.ready != nil {
		return files, nil
	}
	left = give(files, wanted, left, inOrder)
	if len(left) > 0 {
		return nil, fmt.Errorf("systemd passes %d sockets, and %q is more than there are listeners", len(i.sockets), left[0].Name)
	}
	return files, nil
}

// give gives to each of wanted that has none the first socket that fits, and returns the rest.
func give(files []*os.File, wanted, left []Socket, fits func(have, want Socket) bool) []Socket {
	for n, want := range wanted {
		if files[n] != nil {
			continue
		}
		for k, have := range left {
			if fits(have, want) {
				files[n] = have.File
				left = append(left[:k:k], left[k+1:]...)
				break
			}
		}
	}
	return left
}

func same(have, want Socket) bool { return have.Name == want.Name && have.Bind == want.Bind }

func sameName(have, want Socket) bool { return have.Name == want.Name }

// inOrder is for listeners: what is the admin listener's is opened, unless it has its own name.
func inOrder(_, want Socket) bool { return want.Name != AdminName }

// sameBind is for a listener that has another name now. Port 0 is another port each time.
func sameBind(have, want Socket) bool {
	_, port, err := net.SplitHostPort(want.Bind)
	return have.Bind == want.Bind && err == nil && port != "0"
}

// CloseSockets closes the files of the sockets, once all that are wanted were taken.
func (i *Inherited) CloseSockets() {
	if i == nil {
		return
	}
	for _, s := range i.sockets {
		s.File.Close()
	}
	i.sockets = nil
}

// Ready tells the predecessor that it may go. An error says that it has gone already.
func (i *Inherited) Ready() error {
	if !i.IsUpgrade() {
		return nil
	}
	// It stays open: its end tells the predecessor of ours.
	if _, err := i.ready.Write([]byte{1}); err != nil {
		return fmt.Errorf("tell the process before this one: %w", err)
	}
	return nil
}
