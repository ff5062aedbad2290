// Package builtin is the stage of the chain that knows users by name and password hash.
//
// Users come from [ReadFile] and from the configuration, where each hash goes through
// [ParseHash]. [New] makes a [Stage] of them.
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
//	{SHA}hash                  htpasswd's one SHA-1 without a salt, with a warning
//	$emqx$DIGEST,POSITION$salt$hash
//	$emqx$pbkdf2,DIGEST,ITERATIONS$salt$hash
//
// The last two are our own form for what EMQX's files hold: one call of a hash function over
// password and salt, or PBKDF2 with any function and length. What of it is mosquitto's $6$ or $7$
// just as well takes that form.
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
// # Files
//
// [ReadFile] tells a file's format by its content, where it isn't given:
//
//	lines of NAME:HASH    mosquitto's password_file and htpasswd's
//	CSV                   EMQX's: the first line names the columns, in any order, user_id and
//	                      password_hash, and perhaps salt and is_superuser
//	JSON                  EMQX's: an array of objects with the same names
//
// EMQX's files don't tell how their hashes were made: [EMQXOptions] does. A salt is text, whatever
// it looks like. A superuser is a user, with a warning, since nobody here asks what a user may do.
// A salt where none is used is passed over, as EMQX does, with a warning. Only the algorithm
// "plain" takes a password in clear text, from the column password too, with a warning;
// what is kept of it is a hash. A text in which something is not UTF-8, or that names a column twice,
// is no user: such a file was made by something else. What is wrong names its line, and quotes no password and no hash.
//
// A [Directory] keeps users in a few large pieces of bytes, about 30 bytes each beside name, salt
// and hash, in which the garbage collector has nothing to follow: a file of a million is read in
// about a second, beside live clients.
//
// [Edit] changes one line of a password file, and [Recipe] makes a new hash; both are for
// mosquitto to read too, whose 2.0 wants a salt of 12 bytes.
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
// The queue is as long as the time that a client may wait, and not shorter: a device that is
// refused stays away for longer each time, and what decides when the last of a fleet is in is
// whether the workers have something to do while the others are away. With devices that come again
// after 5 and then after 10 s, a queue of 10 s has room for all at their third try, where their
// hashes take 25 s. It takes no place from clients that need no hash: see [auth.QueuedKey].
//
// What was found right is remembered: a keyed MAC over user name, stored hash and password,
// each with its length, and neither of these. A password that was found right before costs
// this MAC and no hash, and so it does after a reload, unless the user's hash has changed.
// There are two entries at most for each user with a slow hash, of 20 to 40 bytes, and none
// before it was found right. Nothing is remembered of wrong passwords, nor beyond the process.
package builtin
