package jwt

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// publicPEM is the PUBLIC KEY block of a key that need not be usable.
func publicPEM(t *testing.T, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return block("PUBLIC KEY", der)
}

// rsaOfBits is a public key of a size, without the cost of making a real one.
func rsaOfBits(bits int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
}

func certificate(t *testing.T, key *ecdsa.PrivateKey, notAfter time.Time) []byte {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestPublicKeyForms(t *testing.T) {
	rs := authtest.NewSigner("RS256", 0)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	es := authtest.NewKeySigner("ES256", ec)
	pkcs1 := block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(rs.Public().(*rsa.PublicKey)))
	cert := block("CERTIFICATE", certificate(t, ec, now.Add(-time.Hour)))
	for name, text := range map[string]string{
		"two blocks":     pkcs1 + cert,
		"text around":    "# keys\n" + cert + "\nthe other one:\r\n" + string(rs.PublicPEM()) + "\n",
		"CR LF":          strings.ReplaceAll(pkcs1+cert, "\n", "\r\n"),
		"no end of line": pkcs1 + strings.TrimSpace(cert),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, Options{PublicKeyPEM: []byte(text)})
			want(t, s, rs.Sign(claims()), auth.Accept, auth.None)
			want(t, s, es.Sign(claims()), auth.Accept, auth.None)
		})
	}
}

func TestUnusablePublicKeyStopsTheStart(t *testing.T) {
	es := authtest.NewSigner("ES256", 0)
	good := string(es.PublicPEM())
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, _ := pem.Decode([]byte(good))
	for name, text := range map[string]string{
		"no PEM":               "hello",
		"blank":                " \n",
		"private key":          string(es.PrivatePEM()),
		"good and private key": good + string(es.PrivatePEM()),
		"EC private key":       block("EC PRIVATE KEY", []byte{1}),
		"encrypted private":    block("ENCRYPTED PRIVATE KEY", []byte{1}),
		"unknown type":         block("DH PARAMETERS", []byte{1}),
		"junk in it":           block("PUBLIC KEY", []byte("junk")),
		"wrong type":           block("RSA PUBLIC KEY", der.Bytes),
		"key as certificate":   block("CERTIFICATE", der.Bytes),
		"second one damaged":   good + strings.Replace(good, "-----END PUBLIC KEY-----", "-----END-----", 1),
		"cut":                  good[:len(good)-10],
		"RSA 1024":             publicPEM(t, rsaOfBits(1024)),
		"RSA 2047":             publicPEM(t, rsaOfBits(2047)),
		"RSA 8193":             publicPEM(t, rsaOfBits(8193)),
		"even modulus":         publicPEM(t, &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}),
		"even exponent":        publicPEM(t, &rsa.PublicKey{N: rsaOfBits(2048).N, E: 65536}),
		"exponent 1":           publicPEM(t, &rsa.PublicKey{N: rsaOfBits(2048).N, E: 1}),
		"P-224":                publicPEM(t, p224.Public()),
		"X25519":               publicPEM(t, x25519.Public()),
		"17 keys":              strings.Repeat(good, 17),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Options{Secret: []byte(authtest.SampleSecret), PublicKeyPEM: []byte(text)})
			if err == nil || !strings.HasPrefix(err.Error(), "auth.jwt.public_key_file: ") {
				t.Errorf("got error %v, want one that names auth.jwt.public_key_file", err)
			}
		})
	}
	for _, bits := range []int{2048, 8192} {
		newStage(t, Options{PublicKeyPEM: []byte(publicPEM(t, rsaOfBits(bits)))})
	}
	newStage(t, Options{PublicKeyPEM: []byte(strings.Repeat(good, 16))})
}

func TestSecretIsCopied(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	secret := bytes.Clone(hs.Secret())
	s := newStage(t, Options{Secret: secret})
	clear(secret)
	want(t, s, hs.Sign(claims()), auth.Accept, auth.None)
}

func TestNewErrors(t *testing.T) {
	secret := []byte(authtest.SampleSecret)
	for name, o := range map[string]Options{
		"auth.jwt: ":                         {},
		"auth.jwt.leeway: ":                  {Secret: secret, Leeway: -1},
		"auth.jwt.claims.a: ":                {Secret: secret, Claims: map[string]*auth.Template{"a": nil}},
		"auth.jwt.jwks_url: no host":         {JWKS: &JWKSOptions{URL: "https:///keys"}},
		"auth.jwt.jwks_url: must":            {JWKS: &JWKSOptions{URL: "file:///etc/keys"}},
		"auth.jwt.jwks_url: not":             {JWKS: &JWKSOptions{URL: "https://user:pass\x7f@host/"}},
		"auth.jwt.jwks_refresh_interval: ":   {JWKS: &JWKSOptions{URL: "https://h/", RefreshInterval: 9 * time.Second}},
		"auth.jwt.jwks_min_refetch: ":        {JWKS: &JWKSOptions{URL: "https://h/", MinRefetch: -1}},
		"auth.jwt.jwks_timeout: ":            {JWKS: &JWKSOptions{URL: "https://h/", Timeout: -1}},
		"auth.jwt.jwks_max_stale: ":          {JWKS: &JWKSOptions{URL: "https://h/", MaxStale: -1}},
		`auth.jwt.jwks_headers: "Host"`:      {JWKS: &JWKSOptions{URL: "https://h/", Headers: map[string]string{"Host": "x"}}},
		`auth.jwt.jwks_headers: "a b"`:       {JWKS: &JWKSOptions{URL: "https://h/", Headers: map[string]string{"a b": "x"}}},
		`auth.jwt.jwks_headers: empty`:       {JWKS: &JWKSOptions{URL: "https://h/", Headers: map[string]string{"": "x"}}},
		`auth.jwt.jwks_headers: the value`:   {JWKS: &JWKSOptions{URL: "https://h/", Headers: map[string]string{"X": "pass\n"}}},
		"auth.jwt.secret: a key or certific": {Secret: authtest.NewSigner("ES256", 0).PublicPEM()},
	} {
		_, err := New(o)
		if err == nil || !strings.HasPrefix(err.Error(), name) || strings.Contains(err.Error(), "pass\x7f") {
			t.Errorf("got error %v, want one that begins with %q", err, name)
		}
	}
}

func TestWarnings(t *testing.T) {
	long := []byte("a secret of sixteen and more")
	user := map[string]*auth.Template{"sub": template(t, "%u")}
	fixed := map[string]*auth.Template{"role": template(t, "device")}
	remote := func(url string, stale time.Duration) *JWKSOptions { return &JWKSOptions{URL: url, MaxStale: stale} }
	tests := []struct {
		name string
		o    Options
		want []string
	}{
		{"nothing", Options{Secret: long, Claims: user}, nil},
		{"client id binds", Options{Secret: long, Claims: map[string]*auth.Template{"sub": template(t, "%c")}}, nil},
		{"secret of 15 bytes", Options{Secret: long[:15], Claims: user}, []string{"auth.jwt.secret: "}},
		{"secret of 16 bytes", Options{Secret: long[:16], Claims: user}, nil},
		{"no claims", Options{Secret: long}, []string{"auth.jwt.claims: "}},
		{"nothing bound", Options{Secret: long, Claims: fixed}, []string{"auth.jwt.claims: "}},
		{"user name is the token", Options{Secret: long, Claims: user, From: FromUserName},
			[]string{"auth.jwt.claims.sub: ", "auth.jwt.claims: "}},
		{"https", Options{JWKS: remote("https://idp.example/", 0), Claims: user}, nil},
		{"http", Options{JWKS: remote("http://idp.example/", 0), Claims: user}, []string{"auth.jwt.jwks_url: "}},
		{"http to 127.1.2.3", Options{JWKS: remote("http://127.1.2.3:8080/", 0), Claims: user}, nil},
		{"http to ::1", Options{JWKS: remote("http://[::1]/", 0), Claims: user}, nil},
		{"http to localhost", Options{JWKS: remote("http://LOCALHOST/", 0), Claims: user}, nil},
		{"http to localhost.evil", Options{JWKS: remote("http://localhost.evil/", 0), Claims: user}, []string{"auth.jwt.jwks_url: "}},
		{"short stale", Options{JWKS: remote("https://idp.example/", 5*time.Minute), Claims: user}, []string{"auth.jwt.jwks_max_stale: "}},
		{"long stale", Options{JWKS: remote("https://idp.example/", time.Hour), Claims: user}, nil},
	}
	for _, test := range tests {
		got := newStage(t, test.o).Warnings()
		ok := len(got) == len(test.want)
		for i := range min(len(got), len(test.want)) {
			ok = ok && strings.HasPrefix(got[i], test.want[i])
		}
		if !ok {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
