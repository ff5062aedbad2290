package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// The hidden sub-commands: this program as the broker and as the clients. They speak JSON on
// standard input and output, and end when their input does.
const (
	helperBroker  = "serve-broker"
	helperClients = "serve-clients"
)

// order tells the clients what to do.
type order struct {
	Do string
	// Address is the server's, Root the PEM of its certificate; empty means plain TCP.
	Address, Root string
	// Source is the address that the clients come from. Empty leaves it to the system.
	Source string
	// Passwords are used in turn. With none the clients are anonymous.
	Passwords []string
	// Users is what user names begin with; the client's number follows. Empty means that all
	// have one name.
	Users string
	// Same says that the clients are those of any other order that says so: of equal number,
	// equal client id, user name and password. Else each is new.
	Same bool
	// Count is how many connections, Size a payload in bytes, Volume what each connection
	// will send in a stream, in bytes.
	Count, Size int
	Volume      int64
	Duration    time.Duration
	// Every is the time from one ping of a connection, one message of a live session, or one
	// connect to the next.
	Every time.Duration
	// More says that connections are held beside those that are.
	More bool
	// Raw connections are for round trips, and for nothing else.
	Raw bool
	// Refused says that the server must refuse them.
	Refused bool
}

// What an order may say in Do.
const (
	doConnect   = "connect"   // connect, look at the answer, disconnect: Count times
	doHold      = "hold"      // connect, and keep the connections
	doEcho      = "echo"      // a message there and back on each connection held
	doRoundTrip = "roundtrip" // messages there and back on each, for Duration
	doStream    = "stream"    // the Volume that was told when the connections were made
	doLive      = "live"      // begin a message there and back on each now and then
	doLap       = "lap"       // how those were since the last lap
	doStorm     = "storm"     // Count clients at once, who stay, and come again if they are not let in
	doKeep      = "keep"      // a ping on each, Every so often, for Duration
	doProbe     = "probe"     // a connect now and then, for Duration
	doRelease   = "release"   // close the connections held
)

// outcome is what the clients answer.
type outcome struct {
	Error    string
	Done     int // connects, messages, or bytes
	Answered int // refused with a CONNACK
	CutOff   int // without one, and not let in
	Lost     int // connections that had been held, or connects without success
	Seconds  float64
	P50, P99 time.Duration
	// RefusedP99 is how long refusals took, from the client's first byte on.
	RefusedP99 time.Duration
	// DialP99 is how long it took to be connected.
	DialP99 time.Duration
}

// helper is this program in another process.
type helper struct {
	*process
	stdin io.WriteCloser
	out   *json.Decoder
	read  *os.File
}

// startHelper starts a hidden sub-command. dir gets its log.
func startHelper(name, dir string) (*helper, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, name)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer write.Close()
	cmd.Stdout = write
	p, err := startProcess(name, filepath.Join(dir, name+".log"), cmd)
	if err != nil {
		read.Close()
		return nil, err
	}
	return &helper{process: p, stdin: stdin, out: json.NewDecoder(read), read: read}, nil
}

// close ends the helper. It may be called while another goroutine reads.
func (h *helper) close() {
	h.stdin.Close()
	h.kill()
	h.read.Close()
}

// receive reads one value.
func (h *helper) receive(v any) error {
	err := h.out.Decode(v)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s ended: %s", h.name, h.lastWords())
	}
	return err
}

// orderTimeout is the time that an order may take beyond its own duration. The largest
// volume at a poor rate fits.
const orderTimeout = 10 * time.Minute

// do has an order carried out. After an error the helper is of no use.
func (h *helper) do(ctx context.Context, o order) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Duration+orderTimeout)
	defer cancel()
	var out outcome
	done := make(chan error, 1)
	go func() {
		if err := json.NewEncoder(h.stdin).Encode(o); err != nil {
			done <- err
			return
		}
		done <- h.receive(&out)
	}()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		h.close() // which ends the goroutine above
		<-done
		err = ctx.Err()
	}
	if err == nil && out.Error != "" {
		err = errors.New(out.Error)
	}
	if err != nil {
		return outcome{}, fmt.Errorf("%s: %w", o.Do, err)
	}
	return out, nil
}
