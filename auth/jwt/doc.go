// Package jwt is the chain's stage that judges JSON Web Tokens.
//
// A client sends its token as the password or as the user name. What does not have the
// shape of a token is ignored, and left to another stage; what has it is accepted or
// denied, for good. Keys are tried in a fixed order: the secret, the public keys, the key
// set fetched from an identity provider (JWKS). The first key that verifies the signature
// decides that the claims are judged, and no other key is asked after it.
//
// # Parsing
//
// Tokens are parsed here, once, within bounds, and more strictly than libraries do, since
// whatever two readers of a token can read differently is a way around one of them:
//
//   - base64url without padding, without line breaks (which encoding/base64 skips) and with
//     no unused bit set, so that a token has one spelling only;
//   - JSON of valid UTF-8, with case-sensitive names, no name twice in an object at any
//     depth (names that differ only in their escapes are the same name), no lone surrogate
//     escape (Go would replace it, so that two texts became equal), at most 32 levels, and
//     nothing after the object;
//   - a header of at most 16 KiB: it is read before any signature has been verified.
//
// In the header crit, and b64 that is anything but true, are refused; jwk, jku, x5u and x5c
// are never looked at; typ is not judged.
//
// # Claims
//
// exp is compared to the nanosecond, nbf and iat in whole seconds on both sides: a token
// issued within this second is valid. A declared claim that is not a string is a mismatch. A
// configured identity claim that is absent is claim_missing, and one that is not a string or
// is empty claim_malformed: an empty identity would prove nothing, silently. An exp more
// than a hundred years away counts as never.
//
// # Keys
//
// Each kind of key takes only its algorithms, by a table: no text of a token chooses how key
// bytes are used, and a secret that is itself a public key is refused at the start. PS256,
// PS384 and PS512 take any salt length, as golang-jwt does, since old issuers do not keep to
// RFC 7518 section 3.5. Of a certificate in the public key file only the key is used; its
// dates are not judged. kid concerns the key set alone.
//
// A key set's keys are judged one by one, and those that can't be used are passed over with
// one warning each. That includes a key that comes with its private half: whoever can read
// the set could sign with it. Certificates in keys (x5c, x5u) are not looked at.
// A token with a kid is never tried against a key without one. More than 100 keys void the
// whole answer, so that no key is left out silently.
//
// When a fetch fails, it is tried again after a second, then after twice as long each time,
// up to the refresh interval. A kid that is not in the set, and a token that comes while
// there is no usable set, ask for an early fetch. When one is not allowed yet, the question
// is remembered.
//
// The cache file of the key set is as good as a key: it is used only where it is a regular
// file that belongs to root or to the user that the process runs as and that nobody else may
// write. With that the folder need not be judged. One that can't be used is told in a warning
// and replaced at the next fetch.
//
// # Tokens seen before
//
// A token that was verified before costs one keyed hash and one look-up. What is remembered is
// only that these bytes verified under this very key: the claims are read and judged again each
// time, for the client that has come, at the time that it is, under the rules that are in force.
//
//   - A token is found by 128 bits of SHA-256 over a random key of the process and the token, its
//     signature included. Neither the token nor anything of it is kept. Whoever does not know
//     the key can only guess, 2^-128 for each entry and try: without it collisions can't be
//     looked for, and what a look-up does is never shown. (A 64-bit hash such as hash/maphash
//     can be collided, and here a collision lets somebody in. A MAC of two passes is not called
//     for: one that is never shown can't be extended.)
//   - The payload is not kept either. The client has just sent it again, these are the bytes
//     that verified, and to decode and read them costs half a microsecond; kept, they would be
//     a few hundred bytes for each device that is away. An entry has 32 bytes and no pointer, with
//     the room to grow 40 to 60.
//   - An entry holds the number of its key: of kind, bound algorithm and material, so that a key
//     that is read again has the same number, and another key never. It also holds the number of
//     the generation: all keys in force with their order and kids. Where that is still the
//     same, the search among them would end at the same key. Where it isn't, the search is made
//     again, by header, order, kids, bounds and the set's age, and the entry counts where it comes
//     upon its key; only the signature is not verified again. So a key that is gone, or that
//     the search does not get to any more, is not found by any entry, even one that comes late.
//   - bad_signature is remembered too, for the generation alone, in a table of its own, so that
//     junk can't drive out good tokens. No other refusal is: unknown_kid and
//     keys_unavailable ask for an early fetch each time.
//   - A token that has expired is not remembered. One that expires later stays until its place is
//     wanted: the expired go first, and before a table grows, then those that never came again.
//     Tokens of more than 4 KiB are not remembered, which bounds what hashing adds to junk.
//
// A reload hands the tables on. They grow with what is in them, and their limit is an option.
//
// # Libraries
//
// golang-jwt verifies signatures: its signing methods, chosen here. Its parser is the oracle
// of the tests: what is accepted here, it accepts too, with the same key and methods.
//
// jwkset turns the members of one key into a Go key and validates it (point on the curve,
// exponent and lengths). It gets the members that it needs for that and no others, so that
// its rules for certificates and private keys, its case-insensitive decoding and its fetching
// of x5u never come into play. Its and keyfunc's NewDefault constructors are not used: they
// wait on a limiter for unknown kids, read bodies without a limit and block at the start.
// Nor are their stores and lookups: those hold one key per kid, void a set for one bad key,
// lock, and know nothing of the algorithm when a token has no kid. keyfunc is the oracle of
// the tests for lookups where kids are unique.
package jwt
