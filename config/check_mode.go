package config

// checkMode judges whether a listener enforces, beside what becomes of credentials. path is the
// listener's.
func (d *document) checkMode(path string, l *Listener, credentials CredentialsMode) {
	mode, percent := path+".mode", path+".enforce_percent"
	if l.Mode == ModeObserve && d.given[percent] {
		d.fault(percent, `has no use with mode = "observe", which refuses nobody: remove one of the two`)
		return
	}
	key := mode
	if l.Mode == ModeEnforce {
		key = percent
	}
	switch {
	case l.Mode == ModeEnforce && l.EnforcePercent == 100:
	case credentials != CredentialsForward:
		d.fault(key, `lets through whom nobody has let in, and mode = %q of [upstream.credentials] is for those who were: write mode = "forward" there, or enforce all`, credentials)
	case l.Mode == ModeObserve:
		d.warn(key, "only observes: [auth] refuses nobody here, whoever they are")
	default:
		d.warn(key, "enforces for %d per cent of client ids alone: [auth] refuses nobody else here, and clients choose their ids", l.EnforcePercent)
	}
}
