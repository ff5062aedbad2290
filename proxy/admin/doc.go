// Package admin shows what the proxy does: /healthz and /readyz for whoever starts and stops it,
// /metrics for Prometheus, and /status, a page for people and JSON for programs.
//
// A [Recorder] is told of each event as it happens, by the Observer interfaces of the packages
// that do the work; these know nothing of Prometheus. What is true of a moment (bytes, sessions,
// addresses, keys) is asked for when somebody looks, as a [State], so that it costs nothing until
// then: the bytes are counted by each session for itself, and summed up by whoever scrapes. A
// counter of events is a single atomic: connects are some thousands a second, and there is no
// counter on the path of a message.
//
// No client's name, user name or address is ever a label, and every label has a closed set of
// values, which start at 0. The last refusals are kept in memory, with what the log tells of
// them; they are bounded in number and in size. So are connections that ended before there was a
// client to be refused, by a TLS handshake that failed, say: apart from the refusals, and as one where
// they come from one address and end alike, since balancers look and scanners try all the time. Of the
// bans in force those are shown that end last, and any other is found by its address; they are lifted by
// the configuration, and not here.
//
// The listener speaks plain HTTP and answers GET alone. A Host that it does not know is refused:
// a web page could otherwise reach a listener on loopback through a name of its own. Where there
// is a token, everything but /healthz and /readyz wants it, as a bearer token or, for browsers, as
// the password of basic authentication with any user name. Nothing here changes anything.
//
// The page works without the internet and without its script, which only fetches it anew.
package admin
