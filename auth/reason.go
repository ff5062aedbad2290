package auth

// Reason says in one word why a client was refused. The set is closed: the same word
// appears in the log, as a metric's label and in explanations. The reason codes that
// each one becomes on the wire are the refusal table of package proxy.
type Reason uint8

// The reasons. Their order is that of the refusal table; values are not stable across
// versions, words are.
const (
	// None is the zero Reason: the client was not refused.
	None Reason = iota

	// NotMQTT: the first packet is not a CONNECT, or names another protocol.
	NotMQTT
	// TooLarge: the CONNECT declares more bytes than max_connect_size allows.
	TooLarge
	// Timeout: no whole CONNECT arrived within connect_timeout.
	Timeout
	// Malformed: the CONNECT breaks the format.
	Malformed
	// ProtocolError: the CONNECT is well formed, and not allowed.
	ProtocolError
	// ProtocolVersion: a protocol level that we do not serve.
	ProtocolVersion
	// AuthMethod: an MQTT 5.0 Authentication Method that we do not serve.
	AuthMethod
	// Banned: the address failed to authenticate too often.
	Banned
	// RateLimited: too many connects in too short a time.
	RateLimited
	// UpstreamRate: its turn to be handed to the upstream would have come too late:
	// connect_rate holds back those who come at once. It passes.
	UpstreamRate
	// Busy: the connection limit is reached, the hash queue is full or too long, or judging took
	// longer than auth_timeout. It passes: a device should come again.
	Busy
	// ShuttingDown: the proxy is about to end.
	ShuttingDown
	// UpstreamUnavailable: no upstream address could be reached.
	UpstreamUnavailable

	// NoCredentials: every stage ignored the client.
	NoCredentials
	// BadPassword: a known user with a wrong, empty or absent password.
	BadPassword
	// TokenMalformed: it has the shape of a token and is not one.
	TokenMalformed
	// AlgNotAllowed: the token's alg is missing, unknown or none.
	AlgNotAllowed
	// BadSignature: no configured key verifies the token.
	BadSignature
	// UnknownKid: as BadSignature, because the key set has no key with the token's kid.
	UnknownKid
	// KeysUnavailable: as BadSignature, but the key set has never been loaded. It passes.
	KeysUnavailable
	// TokenExpired: exp is not after now.
	TokenExpired
	// TokenNotYetValid: nbf is after now.
	TokenNotYetValid
	// TokenIssuedInFuture: iat is after now.
	TokenIssuedInFuture
	// ClaimMalformed: exp, nbf or iat is not a number, or a claim has no usable value.
	ClaimMalformed
	// ClaimMissing: a declared claim is absent, or names an identity that the client
	// did not send.
	ClaimMissing
	// ClaimMismatch: a declared claim has another value.
	ClaimMismatch
	// ClientIDMismatch: the client was let in, but not with this client id.
	ClientIDMismatch
	// InternalError: a stage panicked or failed; nothing was proven.
	InternalError

	numReasons
)

// reasonWords are the words of the reasons, by value.
var reasonWords = [numReasons]string{
	None:                "none",
	NotMQTT:             "not_mqtt",
	TooLarge:            "too_large",
	Timeout:             "timeout",
	Malformed:           "malformed",
	ProtocolError:       "protocol_error",
	ProtocolVersion:     "protocol_version",
	AuthMethod:          "auth_method",
	Banned:              "banned",
	RateLimited:         "rate_limited",
	UpstreamRate:        "upstream_rate",
	Busy:                "busy",
	ShuttingDown:        "shutting_down",
	UpstreamUnavailable: "upstream_unavailable",
	NoCredentials:       "no_credentials",
	BadPassword:         "bad_password",
	TokenMalformed:      "token_malformed",
	AlgNotAllowed:       "alg_not_allowed",
	BadSignature:        "bad_signature",
	UnknownKid:          "unknown_kid",
	KeysUnavailable:     "keys_unavailable",
	TokenExpired:        "token_expired",
	TokenNotYetValid:    "token_not_yet_valid",
	TokenIssuedInFuture: "token_issued_in_future",
	ClaimMalformed:      "claim_malformed",
	ClaimMissing:        "claim_missing",
	ClaimMismatch:       "claim_mismatch",
	ClientIDMismatch:    "client_id_mismatch",
	InternalError:       "internal_error",
}

// String returns the reason's word.
func (r Reason) String() string {
	if r < numReasons {
		return reasonWords[r]
	}
	return "unknown"
}

// Reasons returns every reason but None, in the order of the refusal table.
func Reasons() []Reason {
	all := make([]Reason, 0, numReasons-1)
	for r := None + 1; r < numReasons; r++ {
		all = append(all, r)
	}
	return all
}

// ChainReasons returns the reasons for which a chain may deny, those of its stages included.
func ChainReasons() []Reason {
	all := []Reason{Busy}
	for r := NoCredentials; r < numReasons; r++ {
		all = append(all, r)
	}
	return all
}

// StageReasons returns the reasons for which the stage called name may deny; nil for one that is
// not ours.
func StageReasons(name string) []Reason {
	switch name {
	case StageBuiltin:
		return []Reason{BadPassword, ClientIDMismatch, Busy, InternalError}
	case StageJWT:
		all := []Reason{ClientIDMismatch, Busy, InternalError}
		for r := TokenMalformed; r <= ClaimMismatch; r++ {
			all = append(all, r)
		}
		return all
	}
	return nil
}
