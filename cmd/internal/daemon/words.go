package daemon

import (
	"fmt"
	"slices"
	"strings"

	"mqttward/auth"
	"mqttward/proxy"
	"mqttward/proxy/relay"
)

// vocabulary are words of one kind, beside the reasons of refusals.
type vocabulary struct {
	// of says where they stand.
	of    string
	words map[string]advice
}

// vocabularies are all words of closed sets that the log has, beside the reasons of refusals.
var vocabularies = [...]vocabulary{
	{"why a session ended (close_reason in the log)", sessionWords},
	{"why a connection was closed that was neither refused nor became a session (connections_closed_total in the metrics)", closeWords},
	{"how a TLS handshake ended (reason in the log, tls_handshakes_total in the metrics)", handshakeWords},
	{"how a fetch of the key set ended (result in the log, jwks_fetch_total in the metrics)", fetchWords},
}

// sessionWords are the relay.Causes.
var sessionWords = map[string]advice{
	string(relay.ClientClosed): {"the client closed its connection, after a DISCONNECT or without one",
		"nothing: so clients leave; where one should have stayed, look at its own log"},
	string(relay.ClientReset): {"the client's connection broke: it was reset, or nothing was heard of the client any more",
		"look at the client's network; where a NAT or a balancer forgets idle connections, have the client's keep alive be shorter than its patience"},
	string(relay.UpstreamClosed): {"the broker closed the connection",
		"look at the broker's log: it may have missed the client's keep alive, have had the same client id twice, have refused a packet, or have been stopped"},
	string(relay.UpstreamReset): {"the connection to the broker broke",
		"look whether the broker was restarted or killed, and at the network before it"},
	string(relay.Expired): {"the token by which the client was let in has expired",
		"have the client come again with a new token before that; or set auth.jwt.disconnect_after_expire = false"},
	string(relay.Revoked): {"what the client was let in by is no longer good: its user, password or key is gone from the configuration or the key set, or its certificate is on the list of revoked ones",
		"nothing where that was meant; else put it back, or set reload.revoke_live = false"},
	string(relay.Drained): {"the proxy is ending, after a signal or an upgrade, and it was this session's turn",
		"it passes: the client should come again"},
	string(relay.Forced): {"the proxy has ended, and cut what was left: shutdown.drain_timeout was over, or there was a second signal",
		"raise shutdown.drain_timeout where many sessions are cut; the client should come again"},
	string(relay.ConnackTimeout): {"the broker did not answer the CONNECT within limits.connack_timeout",
		"look whether the broker is overloaded, and whether it is an MQTT broker at all (check --online); upstream.connect_rate spares it, and limits.connack_timeout gives it more time"},
	string(relay.UpstreamRefused): {"the broker itself refused the client, and left the connection open",
		"the line \"refused by the broker\" has its code: look at the broker's own users, and at [upstream.credentials]"},
}

// closeWords are those of proxy.CloseReasons that are neither a refusal's nor a session's.
var closeWords = map[string]advice{
	"no_connect": {"the client went before it had sent a whole CONNECT",
		"nothing: it may be a check of health, a probe or a scan; where devices do so, look at their network"},
	"gave_way": {"limits.max_handshakes was reached, and this connection, which had yet to send its CONNECT, gave way to another one",
		"look in the log for the busiest address: where it floods, bound it with limits.connect_rate_per_address; else raise limits.max_handshakes"},
	"gave_up": {"the client went while it waited to be judged, or for its turn at the broker",
		"look at what it waited for: a slow password hash (limits.auth_timeout, limits.max_hash_queue) or upstream.connect_rate; or have clients wait longer for an answer"},
	"tls_handshake": {"the TLS handshake failed",
		"the line \"TLS handshake failed\" has the reason, which is a word of its own, and the error"},
	"proxy_header": {"the connection does not begin with the header of the PROXY protocol that the listener demands, or comes from an address that may not send one",
		"have the load balancer send it, and name the balancer in proxy_protocol_trusted; where clients come directly, set the listener's proxy_protocol to \"optional\" or \"off\""},
}

// handshakeWords are the proxy.HandshakeResults.
var handshakeWords = map[string]advice{
	proxy.HandshakeOK.String(): {"it came to its end",
		"nothing"},
	proxy.HandshakeTimeout.String(): {"it was not whole within limits.connect_timeout",
		"look at the client's network; raise limits.connect_timeout for very slow ones; a connection that sends nothing may be a probe or a scan"},
	proxy.HandshakeClosed.String(): {"the client went away during it, or had to give way since limits.max_handshakes was reached",
		"nothing, where it is a check of health; else look at the client's own log: some close without an alert when they don't trust the certificate"},
	proxy.HandshakeNotTLS.String(): {"what came is no TLS",
		"look at what connects to this port: a client that speaks plain TCP, a check of health, or a load balancer that sends a header of the PROXY protocol (proxy_protocol)"},
	proxy.HandshakeVersion.String(): {"no TLS version is common to both sides, or what came is no client's hello",
		"look at what the client can; where it is too old, lower the listener's min_version"},
	proxy.HandshakeCipherSuite.String(): {"no cipher suite is common to both sides, or there is no certificate that suits the client",
		"look at what the client can; name its suite in the listener's cipher_suites, or give the listener a certificate with a key of the kind that it takes (RSA or ECDSA)"},
	proxy.HandshakeNoCertificate.String(): {"the client showed no certificate, and client_auth = \"require\" demands one",
		"give the client a certificate; or set client_auth to \"request\" or \"none\""},
	proxy.HandshakeCertificate.String(): {"the client's certificate is not valid: expired, not for clients, or of no authority in client_ca_file",
		"the error tells which; give the client a new certificate, or add its authority"},
	proxy.HandshakeRevoked.String(): {"the client's certificate is on the list of revoked ones, or there is no list in force that could tell",
		"where the list's time is over, or one is missing, put a new one in crl_file"},
	proxy.HandshakeAlert.String(): {"the client gave up with an alert: our certificate is not to its liking, as a rule",
		"the error names the alert: look whether the client knows our authority (the chain in cert_file), connects by a name in our certificate, and has the right time"},
	proxy.HandshakeOther.String(): {"it failed in another way",
		"the error in the log tells more"},
}

// fetchWords are the jwt.FetchResults.
var fetchWords = map[string]advice{
	"ok": {"the key set was fetched",
		"nothing"},
	"unreachable": {"the server at jwks_url can't be reached, or its certificate is not trusted",
		"the error tells which: look at the name and the network, and at jwks_ca_file"},
	"timeout": {"no whole answer came within jwks_timeout",
		"look at the server; raise jwks_timeout"},
	"redirect": {"the server redirects too often, or from https to http, or to nowhere",
		"write the address that it ends at into jwks_url"},
	"status": {"the server's answer is not 200",
		"look whether jwks_url is right, and whether the server wants [auth.jwt.jwks_headers]"},
	"too_large": {"the answer is larger than a key set may be",
		"look whether jwks_url leads to a key set"},
	"malformed": {"the answer is no key set",
		"look whether jwks_url leads to a key set: {\"keys\": [...]}"},
}

// ExplainReason tells what a word of the log means, which clients are answered then, and what to
// do. The codes are those of refusal_codes = "emqx".
func ExplainReason(word string) (*Report, error) {
	r := &Report{}
	var known []string
	for _, why := range auth.Reasons() {
		if known = append(known, why.String()); why.String() == word {
			r.refused(why, proxy.RefusalOptions{})
		}
	}
	for _, v := range vocabularies {
		for w, a := range v.words {
			if known = append(known, w); w == word {
				r.Words = append(r.Words, ReportWord{Word: w, Of: v.of, Means: a.means, Do: a.do})
			}
		}
	}
	if r.Reason == "" && r.Words == nil {
		slices.Sort(known)
		return nil, fmt.Errorf("%q is no word of the log: there are %s", word, strings.Join(slices.Compact(known), ", "))
	}
	return r, nil
}
