package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/term"
)

// maxPassword is more than MQTT can carry, so that what is too long is told and not cut.
const maxPassword = 65535 + len("\r\n") + 1

// readPassword asks for a new password on a terminal, twice and without an echo, and otherwise
// reads all of in, of which one line end at the end is no part of it.
func readPassword(in *os.File, out io.Writer, whose string) ([]byte, error) {
	if !term.IsTerminal(int(in.Fd())) {
		return pipedPassword(in)
	}
	first, err := ask(in, out, "Password for "+whose+": ")
	if err != nil {
		return nil, err
	}
	second, err := ask(in, out, "Once more: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passwords differ: nothing was changed")
	}
	return first, nil
}

// pipedPassword reads a password to the end of the input.
func pipedPassword(in io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(in, int64(maxPassword)))
	if err != nil {
		return nil, fmt.Errorf("read the password from standard input: %w", err)
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if bytes.ContainsAny(text, "\r\n") {
		return nil, errors.New("standard input has several lines: it wants the password alone")
	}
	return text, nil
}

// ask reads a line from a terminal without an echo, which an interrupt does not leave off.
func ask(in *os.File, out io.Writer, prompt string) ([]byte, error) {
	state, err := term.GetState(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("ask for the password: %w", err)
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	fmt.Fprint(out, prompt)
	type answer struct {
		text []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() { // after an interrupt it reads on until the process ends
		text, err := term.ReadPassword(int(in.Fd()))
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		fmt.Fprintln(out)
		if a.err != nil {
			return nil, fmt.Errorf("ask for the password: %w", a.err)
		}
		return a.text, nil
	case <-interrupts:
		_ = term.Restore(int(in.Fd()), state)
		fmt.Fprintln(out)
		return nil, errors.New("interrupted: nothing was changed")
	}
}
