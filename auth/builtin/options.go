package builtin

import (
	"log/slog"

	"mqttward/auth"
)

// IdentifyBy says by what a client's user is found.
type IdentifyBy uint8

const (
	// UserName finds a user by the CONNECT's user name.
	UserName IdentifyBy = iota
	// ClientID finds a user by the CONNECT's client id, whatever the user name.
	ClientID
)

// TokenField says where a later stage of the chain looks for a token.
type TokenField uint8

const (
	// NoToken means that no token stage follows.
	NoToken TokenField = iota
	// TokenInPassword means that one follows and reads the password.
	TokenInPassword
	// TokenInUserName means that one follows and reads the user name.
	TokenInUserName
)

// Options say what a [Stage] is made of.
type Options struct {
	// Users are those that were not read from a file. They may be none. New keeps the hashes
	// and the names, not the slice.
	Users []User
	// File has those of a file beside these; nil where there is none.
	File *Directory
	// IdentifyBy says whether users have user names or client ids. Never both.
	IdentifyBy IdentifyBy
	// Token is where a stage that follows expects a token. An unknown name with what
	// looks like a token there is ignored at once; without, it costs as much time as a
	// wrong password.
	Token TokenField
	// Workers is how many slow hashes are computed at once. 0 means half of the
	// processors, at least 1 and at most 16. argon2id needs its memory for each: count on
	// Workers times the largest, and up to twice that between two garbage collections.
	// Its lanes run on ordinary threads, not on those of lower priority, because of how
	// the library is made: for argon2id it is Workers alone that leaves processors over.
	Workers int
	// Queue is how many slow hashes may wait for a worker; 0 means 4,096. Each holds a copy of
	// its password, and its client waits with it: the number bounds the memory. How long a client
	// may wait is judged by the pace of the workers. Who has a place is told of to the owner of
	// its context: see [auth.QueuedKey].
	Queue int
	// Before is the stage that this one takes the place of, or nil. Who was found right by it,
	// and whose name and hash are the same, needs no slow hash in this one either. It may be
	// in use for as long as anybody likes; nothing of it is kept but that.
	Before *Stage
	// Marker makes the marks of the identities that are proven. Nil means that they have none.
	Marker *auth.Marker
	// Log is told of hashes that panic. Nil means slog.Default().
	Log *slog.Logger
}

const (
	maxDefaultWorkers = 16
	defaultQueue      = 4096
)
