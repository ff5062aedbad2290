//go:build !unix

package daemon

// openFilesLimit is not known: the system has none to ask for.
func openFilesLimit() (int, bool) { return 0, false }
