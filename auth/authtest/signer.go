package authtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"sync"

	"github.com/golang-jwt/jwt/v5"
)

// SampleSecret and SampleToken are the pair of the design: HS256, any user name, no exp.
const (
	SampleSecret = "your-256-bit-secret"
	SampleToken  = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkVNUVggQ2xvdWQiLCJpYXQiOjE1MTYyMzkwMjJ9.JHtutBSV4FfPfYYZyj6yn4K76clOQ-zkS6-_7VjnfK8"
)

// Algorithms are all that tokens may be signed with.
func Algorithms() []string {
	return []string{
		"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
		"ES256", "ES384", "ES512", "EdDSA",
	}
}

// Signer signs tokens by one algorithm with one key. It is safe for concurrent use.
type Signer struct {
	alg    string
	method jwt.SigningMethod
	key    any // []byte, or a crypto.Signer
}

// keys are the keys that were generated, by kind and number.
var keys struct {
	sync.Mutex
	made map[string]any
}

// NewSigner returns a signer of alg with key number n. Signers of the same kind of key (all of
// RS and PS are one kind) and number share the key.
func NewSigner(alg string, n int) *Signer {
	keys.Lock()
	defer keys.Unlock()
	kind := alg
	switch alg[:2] {
	case "HS":
		kind = "HS"
	case "RS", "PS":
		kind = "RSA"
	}
	name := fmt.Sprint(kind, n)
	if keys.made[name] == nil {
		if keys.made == nil {
			keys.made = make(map[string]any)
		}
		keys.made[name] = generate(kind)
	}
	return NewKeySigner(alg, keys.made[name])
}

// NewKeySigner returns a signer with a key of the caller's: bytes for HS256 to HS512, else a
// private key.
func NewKeySigner(alg string, key any) *Signer {
	method := jwt.GetSigningMethod(alg)
	if method == nil {
		panic("authtest: no algorithm " + alg)
	}
	return &Signer{alg, method, key}
}

func generate(kind string) any {
	var key any
	var err error
	switch kind {
	case "HS":
		secret := make([]byte, 32)
		_, err = rand.Read(secret)
		key = secret
	case "RSA":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		panic("authtest: no algorithm " + kind)
	}
	if err != nil {
		panic("authtest: " + err.Error())
	}
	return key
}

// Alg returns the signer's algorithm.
func (s *Signer) Alg() string { return s.alg }

// Secret returns the key of HS256 to HS512.
func (s *Signer) Secret() []byte { return s.key.([]byte) }

// Public returns the public half of the key of all other algorithms.
func (s *Signer) Public() crypto.PublicKey { return s.key.(crypto.Signer).Public() }

// PublicPEM returns Public as a PEM block of type PUBLIC KEY.
func (s *Signer) PublicPEM() []byte {
	der, err := x509.MarshalPKIXPublicKey(s.Public())
	if err != nil {
		panic("authtest: " + err.Error())
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// PrivatePEM returns the private key as a PEM block of type PRIVATE KEY.
func (s *Signer) PrivatePEM() []byte {
	der, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		panic("authtest: " + err.Error())
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// Sign returns a token with the claims and the header of the signer's alg.
func (s *Signer) Sign(claims map[string]any) string { return s.SignWith(nil, claims) }

// SignWith is Sign with more members in the header; those of header win, and one of value nil
// leaves a member out.
func (s *Signer) SignWith(header, claims map[string]any) string {
	h := map[string]any{"alg": s.alg, "typ": "JWT"}
	for name, v := range header {
		if h[name] = v; v == nil {
			delete(h, name)
		}
	}
	if claims == nil {
		claims = map[string]any{}
	}
	return s.SignRaw(marshal(h), marshal(claims))
}

// SignRaw signs any bytes as header and payload, to make tokens that nobody should accept.
func (s *Signer) SignRaw(header, payload []byte) string {
	return s.SignText(Encode(header) + "." + Encode(payload))
}

// SignText signs a text, which holds the first dot of a token, and adds the signature to it.
func (s *Signer) SignText(text string) string {
	sig, err := s.method.Sign(text, s.key)
	if err != nil {
		panic("authtest: sign: " + err.Error())
	}
	return text + "." + Encode(sig)
}

// Encode is the base64url of tokens.
func Encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// JWK is a member of a key set, to be changed at will.
type JWK map[string]any

// JWK returns the public key as a member of a key set. An empty kid is left out.
func (s *Signer) JWK(kid string) JWK {
	j := JWK{"use": "sig"}
	if kid != "" {
		j["kid"] = kid
	}
	switch p := s.Public().(type) {
	case *rsa.PublicKey:
		j["kty"], j["n"], j["e"] = "RSA", Encode(p.N.Bytes()), Encode(big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := p.Bytes() // 4, x, y
		if err != nil {
			panic("authtest: " + err.Error())
		}
		half := 1 + len(point)/2
		j["kty"], j["crv"], j["x"], j["y"] = "EC", p.Params().Name, Encode(point[1:half]), Encode(point[half:])
	case ed25519.PublicKey:
		j["kty"], j["crv"], j["x"] = "OKP", "Ed25519", Encode(p)
	}
	return j
}

// With returns a copy of j with one member set, or left out where v is nil.
func (j JWK) With(name string, v any) JWK {
	c := make(JWK, len(j)+1)
	for n, old := range j {
		c[n] = old
	}
	if c[name] = v; v == nil {
		delete(c, name)
	}
	return c
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("authtest: " + err.Error())
	}
	return b
}
