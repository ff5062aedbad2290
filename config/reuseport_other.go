//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package config

// canReusePort says whether the system has SO_REUSEPORT.
const canReusePort = false
