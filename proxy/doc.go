// Package proxy serves MQTT clients: it accepts, reads each client's CONNECT, has it judged,
// and then refuses it with the CONNACK that fits, or hands it to the broker and relays.
//
// One connection's life, in order:
//
//  1. accept; errors back off, 5 ms to 1 s;
//  2. one deadline, connect_timeout, covers the steps up to the CONNECT's last byte;
//  3. the TLS handshake, forced;
//  4. the CONNECT is read into a small pooled buffer, whatever follows it kept in order;
//  5. limits and bans, before any hash or signature is computed; with TLS, bans before the
//     handshake;
//  6. the chain of package auth judges, under auth_timeout;
//  7. where connects to the broker are bounded, the client waits for its turn; only now is the
//     broker dialled: a refused client has touched nothing of it;
//  8. CONNECT goes up, byte for byte or rewritten, and after it what was kept; where the broker has
//     other addresses, one that ends the connection before it answers gives way to the next
//     (present.go);
//  9. both sockets go to package relay, and the goroutine of the handshake ends.
//
// On Linux a plain client whose CONNECT is there has no goroutine of its own for any of it: the
// one that accepts, its listener's leader, does all of that with it, outside the runtime's poller
// (package socket). Whoever is about to wait in the leader's place, for the network, a slow hash
// or a turn, passes the leading on to a new goroutine first; contexts tell, since who asks for
// their Done is about to wait (step.go). Clients that have sent nothing wait without a goroutine
// (nursery_linux.go).
//
// The proxy never answers a CONNECT that it accepts: the broker's own CONNACK is what the
// client sees. The one table of refusals is in refusal.go.
//
// Until the verdict, a connection counts towards max_handshakes, and from its acceptance on
// towards max_connections. Where a stage has it wait in a queue of its own, which is bounded, and
// its CONNECT is small, it counts as a handshake no more: a storm of passwords that have to be
// hashed keeps nobody out who needs no hash. When the handshakes are full, the oldest connection of the address
// that has most of them gives way, one that has sent nothing before one that has, so that
// silent clients starve neither live sessions nor newcomers.
//
// Limits by address are of an IPv4 address or an IPv6 /64. What is remembered of addresses has a
// bounded place, in which whoever is held back stays and whoever is not gives way (connectrate.go,
// bans.go); limits of connections count those that are there (admit.go).
//
// Once accepted, a client counts no more as a handshake while it waits for its turn: how many
// may wait, and how long, is bounded by the governor (governor.go).
package proxy
