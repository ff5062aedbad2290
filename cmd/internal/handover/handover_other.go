//go:build !unix

package handover

import (
	"context"
	"errors"
)

// Take takes nothing: descriptors are inherited on Unix alone.
func Take() (*Inherited, error) { return nil, nil }

// Successor can't be had here.
type Successor struct{}

// Start fails.
func Start(Program, []Socket, bool) (*Successor, error) { return nil, errors.ErrUnsupported }

// PID is 0.
func (*Successor) PID() int { return 0 }

// Wait fails.
func (*Successor) Wait(context.Context) error { return errors.ErrUnsupported }

// Ended delivers nothing.
func (*Successor) Ended() <-chan error { return nil }

// Stop does nothing.
func (*Successor) Stop() {}

// Reload does nothing.
func (*Successor) Reload() {}
