//go:build !linux

package main

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// Nothing is started where nothing can be measured; main says so.

func ownGroup() *syscall.SysProcAttr { return nil }

func killGroup(int) {}

func checkDescriptors(int) error { return nil }

func processorClock(int) (time.Duration, error) { return 0, errors.ErrUnsupported }

func shareSource(string, string, syscall.RawConn) error { return errors.ErrUnsupported }

type echoes struct{}

func newEchoes() (*echoes, error) { return nil, errors.ErrUnsupported }

func (*echoes) take(conn *net.TCPConn) { conn.Close() }

func drop(*net.TCPConn, int64) error { return errors.ErrUnsupported }

func detach(conn *net.TCPConn) (int, error) {
	return -1, errors.Join(errors.ErrUnsupported, conn.Close())
}

func cut(int) {}

func (*clients) roundTrip(order) (outcome, error) { return outcome{}, errors.ErrUnsupported }
