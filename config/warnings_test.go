package config

import (
	"strings"
	"testing"
)

func TestWarnings(t *testing.T) {
	const tlsListener = base + "[[listener]]\nname = \"b\"\nbind = \":1\"\n[listener.tls]\ncert_file = \"c\"\nkey_file = \"k\"\n"
	for _, tt := range []struct{ name, src, env, want string }{
		{"none", base, "PATH=/bin", ""},
		{"old TLS", tlsListener + "min_version = \"1.1\"\n", "",
			"c.toml:14: listener[1].tls.min_version: TLS before 1.2 is broken: keep it only for devices that know nothing newer"},
		{"a balancer that anybody could be", "[[listener]]\nname = \"b\"\nbind = \":1\"\nproxy_protocol = \"required\"\n" + base, "",
			"c.toml:4: listener[0].proxy_protocol: whoever can connect here is believed about its address: name the load balancer in proxy_protocol_trusted"},
		{"weak suite", tlsListener + "cipher_suites = [\"TLS_RSA_WITH_RC4_128_SHA\"]\n", "",
			"c.toml:14: listener[1].tls.cipher_suites[0]: TLS_RSA_WITH_RC4_128_SHA is weak: keep it only for devices that know nothing better"},
		{"claims that are not judged", base + "verify_claims = false\n[auth.jwt.claims]\na = \"b\"\n", "",
			"c.toml:9: auth.jwt.claims: is not judged while verify_claims = false"},
		{"key of a switched-off table", base + "[upstream.tls]\nserver_name = \"a\"\nenabled = false\n", "",
			"c.toml:9: upstream.tls.server_name: is not used while enabled = false: the broker is spoken to in plain TCP"},
		{"base64 of nothing", without("secret") + "public_key_file = \"p\"\nsecret_base64 = true\n", "",
			"c.toml:8: auth.jwt.secret_base64: has no use without a secret"},
		{"a shell's variable", without("secret") + "secret = \"$MQTT_JWT_SECRET\"\n", "",
			"c.toml:7: auth.jwt.secret: begins with $ and has no braces: it is taken as it stands; for the environment variable write ${NAME}"},
		{"a listener that observes", "[[listener]]\nname = \"b\"\nbind = \":1\"\nmode = \"observe\"\n" + base, "",
			"c.toml:4: listener[0].mode: only observes: [auth] refuses nobody here, whoever they are"},
		{"a listener that observes most", "[[listener]]\nname = \"b\"\nbind = \":1\"\nenforce_percent = 10\n" + base, "",
			"c.toml:4: listener[0].enforce_percent: enforces for 10 per cent of client ids alone: [auth] refuses nobody else here, and clients choose their ids"},
		{"everybody", without("[auth", "secret") + "[auth]\nallow_anonymous = true\n", "",
			"c.toml:7: auth.allow_anonymous: is all there is: everybody may connect"},
		{"limits that are never reached", "[[listener]]\nname = \"b\"\nbind = \":1\"\nmax_connections = 11\n" + base + "[limits]\nmax_connections = 10\nmax_connections_per_address = 12\nconnect_rate = 5\nconnect_rate_per_address = 6\n", "",
			"c.toml:4: listener[0].max_connections: 11 is never reached: limits.max_connections is 10\n" +
				"c.toml:14: limits.max_connections_per_address: 12 is never reached: limits.max_connections is 10\n" +
				"c.toml:16: limits.connect_rate_per_address: 6 is never reached: limits.connect_rate is 5"},
		{"limits that are the same", "[[listener]]\nname = \"b\"\nbind = \":1\"\nmax_connections = 10\n" + base + "[limits]\nmax_connections = 10\nconnect_rate_per_address = 6\n", "", ""},
		{"bans switched off", base + "[limits.ban]\nfailures = 0\nwindow = \"2m\"\ntime = \"1h\"\nexempt = [\"192.0.2.7\"]\n", "", ""},
		{"everybody exempt from bans", base + "[limits.ban]\nfailures = 10\nexempt = [\"192.0.2.7\", \"0.0.0.0/0\"]\n", "",
			"c.toml:10: limits.ban.exempt[1]: 0.0.0.0/0 is every address of its kind: while it stands here none is banned"},
		{"revocation of anonymous clients", without("[auth", "secret") + "[auth]\nallow_anonymous = true\n[reload]\nrevoke_live = true\n", "",
			"c.toml:7: auth.allow_anonymous: is all there is: everybody may connect\n" +
				"c.toml:9: reload.revoke_live: ends nobody's session: who is let in without [auth.builtin] and [auth.jwt] has no user and no key that could be gone, and no listener has a crl_file"},
		{"revocation of certificates", without("[auth", "secret") + "[auth]\nallow_anonymous = true\n[reload]\nrevoke_live = true\n" +
			"[[listener]]\nname = \"b\"\nbind = \":1\"\n[listener.tls]\ncert_file = \"c\"\nkey_file = \"k\"\nclient_auth = \"require\"\nclient_ca_file = \"a\"\ncrl_file = \"l\"\n", "",
			"c.toml:7: auth.allow_anonymous: is all there is: everybody may connect"},
		{"mistyped variable", base, "MQTTWARD_LOG_LEVLE=debug",
			"$MQTTWARD_LOG_LEVLE: no key has this variable: did you mean MQTTWARD_LOG_LEVEL?"},
		{"variable of a list", base, "MQTTWARD_UPSTREAM_ADDRESSES=a:1",
			"$MQTTWARD_UPSTREAM_ADDRESSES: no key has this variable; lists, listeners and users come from the file"},
		{"variables of others", base, "MQTTWARD_CONFIG=c.toml,MQTTWARD_E2E=1,MQTTWARD_PORT=tcp://10.0.0.1:1883,MQTTWARD_PORT_1883_TCP=x,MQTTWARD_SERVICE_HOST=10.0.0.1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var lines []string
			for _, p := range mustParse(t, tt.src, strings.Split(tt.env, ",")...).Warnings() {
				lines = append(lines, p.String())
			}
			if got := strings.Join(lines, "\n"); got != tt.want {
				t.Errorf("Parse(%q) with %q warns\n got %s\nwant %s", tt.src, tt.env, got, tt.want)
			}
		})
	}
}
