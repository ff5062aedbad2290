package daemon

import (
	"crypto/tls"
	"testing"

	"mqttward/packets"
)

func TestALPN(t *testing.T) {
	settings, roots := ecdsaIdentity(t)
	r := runTLS(t, settings)
	for _, tc := range []struct {
		offers []string
		want   string
	}{
		{nil, ""},
		{[]string{"mqtt"}, "mqtt"},
		{[]string{"x-unknown"}, ""},
		{[]string{"x-unknown", "mqtt"}, "mqtt"},
	} {
		conn, err := r.handshake(&tls.Config{RootCAs: roots, NextProtos: tc.offers})
		if err != nil {
			t.Errorf("client offers %q: %v", tc.offers, err)
			continue
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got != tc.want {
			t.Errorf("client offers %q: got %q, want %q", tc.offers, got, tc.want)
		}
		mustConnect(t, conn, packets.V311)
	}
}

// A session ticket is good for the next connection, whatever the client offers by ALPN.
func TestTLSSessionsAreResumed(t *testing.T) {
	settings, roots := ecdsaIdentity(t)
	r := runTLS(t, settings)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, offers := range [][]string{nil, {"mqtt"}, {"x-unknown"}} {
			conf := &tls.Config{
				RootCAs: roots, NextProtos: offers, MaxVersion: version,
				ClientSessionCache: tls.NewLRUClientSessionCache(1),
			}
			for i, want := range []bool{false, true} {
				conn, err := r.handshake(conf)
				if err != nil {
					t.Fatalf("%s, offers %q, connection %d: %v", tls.VersionName(version), offers, i+1, err)
				}
				if got := conn.ConnectionState().DidResume; got != want {
					t.Errorf("%s, offers %q, connection %d: resumed %v, want %v", tls.VersionName(version), offers, i+1, got, want)
				}
				mustConnect(t, conn, packets.V5) // and the ticket of TLS 1.3 is read
				conn.Close()
			}
		}
	}
}

func TestTLSVersionsAndCipherSuites(t *testing.T) {
	ecdsaFiles, ecdsaRoots := ecdsaIdentity(t)
	rsaFiles, rsaRoots := rsaIdentity(t)
	const (
		static = tls.TLS_RSA_WITH_AES_128_CBC_SHA
		chosen = tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
		other  = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
	)
	for _, tc := range []struct {
		name     string
		settings string
		client   *tls.Config
		ok       bool
	}{
		{"TLS 1.0 by default", ecdsaFiles, &tls.Config{RootCAs: ecdsaRoots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false},
		{"TLS 1.1 by default", ecdsaFiles, &tls.Config{RootCAs: ecdsaRoots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"TLS 1.2 by default", ecdsaFiles, &tls.Config{RootCAs: ecdsaRoots, MaxVersion: tls.VersionTLS12}, true},
		{"TLS 1.3 by default", ecdsaFiles, &tls.Config{RootCAs: ecdsaRoots, MinVersion: tls.VersionTLS13}, true},
		{"TLS 1.0 where it is allowed", ecdsaFiles + "min_version = \"1.0\"\n",
			&tls.Config{RootCAs: ecdsaRoots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, true},
		{"TLS 1.0 where 1.1 is allowed", ecdsaFiles + "min_version = \"1.1\"\n",
			&tls.Config{RootCAs: ecdsaRoots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false},
		{"TLS 1.2 where 1.3 is wanted", ecdsaFiles + "min_version = \"1.3\"\n", &tls.Config{RootCAs: ecdsaRoots, MaxVersion: tls.VersionTLS12}, false},
		{"a suite without forward secrecy, by default", rsaFiles,
			&tls.Config{RootCAs: rsaRoots, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{static}}, false},
		{"a suite without forward secrecy, by name", rsaFiles + "cipher_suites = [\"TLS_RSA_WITH_AES_128_CBC_SHA\"]\n",
			&tls.Config{RootCAs: rsaRoots, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{static}}, true},
		{"the suite that is named", ecdsaFiles + "cipher_suites = [\"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384\"]\n",
			&tls.Config{RootCAs: ecdsaRoots, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{chosen}}, true},
		{"a suite that is not", ecdsaFiles + "cipher_suites = [\"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384\"]\n",
			&tls.Config{RootCAs: ecdsaRoots, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{other}}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := runTLS(t, tc.settings)
			// Whether a client offers ALPN must not decide over versions and suites.
			for _, offers := range [][]string{nil, {"mqtt"}} {
				tc.client.NextProtos = offers
				conn, err := r.handshake(tc.client)
				if (err == nil) != tc.ok {
					t.Errorf("offers %q: got %v, want success %v", offers, err, tc.ok)
				}
				if err == nil {
					mustConnect(t, conn, packets.V311)
				} else {
					r.awaitLog("TLS handshake failed")
				}
			}
		})
	}
}
