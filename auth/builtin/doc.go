// Package builtin is the stage of the chain that knows users by name and password hash.
//
// Users come from [ReadPasswordFile] (mosquitto's password_file) and from the
// configuration, where each hash goes through [ParseHash]. [New] makes a [Stage] of them.
//
//	situation                                      verdict
//	no such user; name absent                      ignore
//	known user, right password                     accept
//	known user, wrong, empty or absent password    deny bad_password
//	stored hash of the empty password, none given  deny bad_password
//
// # Hashes
//
//	$6$salt$hash               one SHA-512 of the password and then the raw salt
//	$7$iterations$salt$hash    PBKDF2-HMAC-SHA512, 64 bytes
//	$argon2id$v=19$m=,t=,p=$salt$hash
//	$2a$ $2b$ $2y$             bcrypt
//
// Each kind's cost is bounded when it is read, so that one mistyped number can't occupy a
// processor or the memory for ever: about four seconds of one core, and 256 MiB.
//
// Two of the kinds take some different passwords for the same. bcrypt reads 72 bytes and
// repeats its key with a NUL between; HMAC fills its key up with NULs. "a" and "a\0" are one
// password to PBKDF2, "a" and "a\0a" to bcrypt, and "\0" is the empty password to both. So
// a password with a NUL in it is wrong for these two, and one of more than 72 bytes is wrong
// for bcrypt. It costs the same time as any other wrong password.
//
// # Time
//
// An unknown name costs as much time as a wrong password: the password is checked against a
// decoy, which has the algorithm and the cost of most users (the costlier where two are
// equally frequent) and random bytes for a hash. The verdict is ignore all the same. The
// decoy is left out where a token stage follows and the client has sent what looks like a
// token: the cost would fall on every device that has one. Where users have hashes of
// different cost, those that differ from the decoy can be told by time; use one kind.
//
// A password that was found right before costs less than one that is wrong: who sees that has
// sent the right one. Nothing else can be told by it, since every name takes the same path.
//
// # Slow hashes
//
// Hashes of more than half a millisecond are slow, and computed by a few workers with their
// own threads of lower priority; see [Options]. The rest waits in a queue in which addresses
// take turns. A client is denied with [auth.Busy], known or not (an ignore would tell the
// unknown ones apart), when the queue is full, or so long that by the pace of the workers it
// would take longer than the client may wait; where another address has more in it, the newest
// of that gives way instead. So in a storm most are told to come again at once, and the
// workers are busy with those that still wait.
//
// What was found right is remembered: a keyed MAC over user name, stored hash and password,
// each with its length, and neither of these. A password that was found right before costs
// this MAC and no hash, and so it does after a reload, unless the user's hash has changed.
// There are two entries at most for each user with a slow hash, of 20 to 40 bytes, and none
// before it was found right. Nothing is remembered of wrong passwords, nor beyond the process.
package builtin
