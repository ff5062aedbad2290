// Package auth decides who a client is.
//
// A client's CONNECT yields [Credentials]: what it claims. A [Chain] of
// [Authenticator] stages judges them in a fixed order and returns a [Verdict]:
//
//   - accept ends the chain and lets the client in, with the [Identity] proven;
//   - deny ends the chain and refuses the client, with a [Reason];
//   - ignore means "not mine": the next stage decides.
//
// A client that every stage ignores is refused with [NoCredentials], unless the
// chain was told to let anonymous clients in. A deny always refuses. A stage that
// panics or fails internally denies: the chain fails closed, and the process lives on.
//
// A [ClientIDRule] binds whoever is let in to client ids of its own, whichever stage it was.
//
// The stages themselves live in the packages below: builtin (users) and jwt (tokens). Package fair
// has clients wait in turn.
// This package knows nothing of the network, of MQTT's bytes or of configuration files.
package auth
