// Package packets reads and writes the few MQTT bytes that a proxy must understand: the
// client's CONNECT, the refusal that answers it, and the boundaries of all that follows.
//
// [ReadConnect] reads the first packet from a connection, [ParseConnect] judges it, and
// [AppendConnect] writes it again with other credentials. [AppendConnack] and
// [AppendDisconnect] build the proxy's own packets. [Framer] follows packet boundaries in a
// stream that is only passed on, and [ConnackScanner] reads the broker's verdict as it
// passes. Nothing here but ReadConnect does I/O.
//
// # Strictness
//
// A CONNECT is judged by the specification of its own version: 3.1, 3.1.1 or 5.0. What the
// text allows is accepted, what it forbids is refused with the number of the statement.
// Where the text leaves room, these decisions hold:
//
//   - A Remaining Length of more bytes than needed is malformed in every version. Only 5.0
//     says so with a number; 3.x has it in its table of sizes. The Framer follows such
//     packets all the same, since their end is known and the receiver judges them.
//   - The bridge bit, 0x80 of the protocol level, is no part of the level. It is kept.
//   - A password without a user name is accepted in every version; the chain of
//     authenticators judges it.
//   - Data that can be parsed and is not allowed is a Protocol Error, unless the text calls
//     it a Malformed Packet. So a Will QoS of 3 and the reserved flag are malformed (the
//     text says so), will flags without a will are a Protocol Error.
//   - The Will Topic is a Topic Name (5.0 calls it the Will Topic Name in the list of
//     CONNACK codes), and so is the Response Topic: neither is empty or holds a wildcard.
//   - A will payload that is announced as UTF-8 is not checked: the server MAY, and the
//     broker does it where it wants to. Nor are the length of a client identifier, or an
//     empty one, judged here.
//   - Control characters and non-characters in strings are allowed: a receiver only MAY
//     refuse them.
//   - MQTT 3.1 does not use the flags of CONNECT's fixed header nor bit 0 of the connect
//     flags, disregards the will bits where there is no will, and takes the user name and
//     password for absent where their flags are set and the packet ends. All of this is
//     accepted in 3.1, kept, and written again. U+0000 is refused even there: a name that
//     two programs read differently is no basis for a verdict.
//
// Statements are cited as [MQTT5 3.1.2-3] or [MQTT311 3.1.2-3], with the section's number
// where the text has no numbered statement, and as [MQTT31 CONNECT] with the section's name
// for MQTT 3.1, which has no numbers at all.
package packets
