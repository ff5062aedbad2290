//go:build !linux

package proxy

import "net"

func own(l *net.TCPListener) (net.Listener, error) { return l, nil }
