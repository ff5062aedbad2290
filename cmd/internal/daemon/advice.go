package daemon

import "mqttward/auth"

// advice is what an operator wants to know of a reason.
type advice struct {
	// means says what has happened.
	means string
	// do says what to look at, or to change.
	do string
}

// advices are for every reason.
var advices = map[auth.Reason]advice{
	auth.NotMQTT: {"the first packet is no CONNECT, or of another protocol",
		"look at what connects to this port: a health check, a browser, or TLS where the listener speaks plain TCP (or the reverse)"},
	auth.TooLarge: {"the CONNECT declares more bytes than limits.max_connect_size allows",
		"raise limits.max_connect_size, or send a smaller will or token"},
	auth.Timeout: {"no whole CONNECT came within limits.connect_timeout",
		"look at the client's network; raise limits.connect_timeout for very slow ones; a connection that sends nothing may be a probe or a scan"},
	auth.Malformed: {"the CONNECT breaks the format of MQTT",
		"the client's MQTT library is at fault, or something between changes the bytes; the detail cites the statement that is broken"},
	auth.ProtocolError: {"the CONNECT is well formed, and holds what is not allowed",
		"the client's MQTT library is at fault; the detail cites the statement that is broken"},
	auth.ProtocolVersion: {"a protocol level other than those of MQTT 3.1, 3.1.1 and 5.0",
		"set the client's protocol version to 3.1.1 or 5"},
	auth.AuthMethod: {"the client wants enhanced authentication (an Authentication Method), which is not served",
		"switch it off in the client, and send a user name and a password or token"},
	auth.Banned: {"the address failed to authenticate too often",
		"mend what the refusals before it name in the log, and wait for the ban to end: /status says when; or write the address in limits.ban.exempt, and a reload lifts it"},
	auth.RateLimited: {"too many connects came in too short a time",
		"have clients wait longer, and at random, before they come again; or raise the rate in [limits]"},
	auth.UpstreamRate: {"the client would have had to wait too long for its turn at the broker",
		"it passes when fewer come at once; raise upstream.connect_rate if the broker can take more"},
	auth.Busy: {"a limit is reached: limits.max_connections, limits.max_hash_queue (the queue for slow password hashes), or limits.auth_timeout",
		"it passes, and the client should come again; the detail names the limit: raise that, or the number of open files (ulimit -n)"},
	auth.ShuttingDown: {"the proxy is about to end",
		"it passes: the client should come again"},
	auth.UpstreamUnavailable: {"the broker could not be reached at any of upstream.addresses, or closed at once",
		"look whether the broker runs and listens there; the log's error tells more, and so does a warning when an address fails"},

	auth.NoCredentials: {"no stage has an opinion on the client: its user name is no built-in user's, and it sent no token where one is looked for",
		"send a user name and password that are known, or a token in the field that auth.jwt.from names; or write allow_anonymous = true below [auth]"},
	auth.BadPassword: {"the user is a built-in one, and the password is not right",
		"set the client's password, or a new one for the user"},
	auth.TokenMalformed: {"it has the three parts of a token and is not one",
		"look at how the client was given the token: cut off, with a blank or a line end in it, or quoted; the detail names the part"},
	auth.AlgNotAllowed: {"the token's alg is missing, none, or unknown here",
		"have the token signed with HS256, RS256, PS256, ES256, EdDSA, or the longer ones of these"},
	auth.BadSignature: {"no configured key verifies the token's signature",
		"compare the key that the issuer signs with to auth.jwt: secret (and secret_base64), public_key_file, jwks_url"},
	auth.UnknownKid: {"the key set has no usable key with the token's kid",
		"look at the issuer's key set: is the key published there, and is this token of that issuer? New keys are fetched within jwks_min_refetch"},
	auth.KeysUnavailable: {"the key set has not been loaded, and no other key fits",
		"it passes once jwks_url answers; the log tells why it does not; jwks_cache_file keeps the keys over a restart"},
	auth.TokenExpired: {"the token's exp is past",
		"give the client a new token; where it is only just past, compare the clocks, or set auth.jwt.leeway"},
	auth.TokenNotYetValid: {"the token's nbf is still to come",
		"compare the clocks of the issuer and of this machine, or set auth.jwt.leeway"},
	auth.TokenIssuedInFuture: {"the token's iat is still to come",
		"compare the clocks of the issuer and of this machine; or set auth.jwt.leeway, or check_iat = false"},
	auth.ClaimMalformed: {"a claim has no usable value: exp, nbf or iat is no number, or identity_claim or upstream.credentials.username yields no name",
		"have the issuer write the claim as the step that fails expects it"},
	auth.ClaimMissing: {"a claim that is demanded is absent, or names a user name or client id that the client did not send",
		"have the issuer put the claim in, have the client send its user name and client id, or change what the configuration demands: [auth.jwt.claims], require_exp, identity_claim, upstream.credentials.username"},
	auth.ClaimMismatch: {"a declared claim is another one than this client needs",
		"have the client connect with the user name and client id that its token is for, have the issuer write the claim as expected, or change [auth.jwt.claims]"},
	auth.ClientIDMismatch: {"the client may come in, but not with this client id",
		"give the client an id that fits auth.client_id_must, or change that"},
	auth.InternalError: {"a stage failed: a fault of the proxy",
		"the log has the stage's name and a stack: report it"},
}
