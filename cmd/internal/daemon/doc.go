// Package daemon turns a configuration into a running mqttward. It is the only package that
// sees both the configuration and the packages that do the work: it reads the files that the
// one names, makes the other from them, and words every fault with its place in the source.
//
// [New] checks and builds everything without touching the network; [Daemon.Listen] opens the
// listeners; [Daemon.Run] serves until it is told to stop, and drains. All that one
// configuration makes is a generation; a reload makes another and swaps them.
package daemon
