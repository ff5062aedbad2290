package jwt

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"mqttward/auth"
)

const (
	// minRSABits and maxRSABits bound RSA keys: shorter ones can be broken, and longer ones
	// make each verification a burden.
	minRSABits = 2048
	maxRSABits = 8192
	// maxPublicKeys is how many keys a public key file may hold. Each may cost a token one
	// verification.
	maxPublicKeys = 16
	// shortSecret is the length in bytes below which a secret is warned of: it could be
	// guessed from one token.
	shortSecret = 16
)

// key is a verification key. It is immutable once it is in force.
type key struct {
	kind keyKind
	// alg is the one algorithm that the key's publisher allows; nil where it names none.
	alg *algorithm
	// material is what it is made of, and verifier what the methods of this kind want.
	material, verifier any
	// number is the key's own: see [numbers].
	number uint32
	// mark is that of its kind and material, whatever it is bound to.
	mark auth.Mark
}

// fits reports whether k may verify signatures of a.
func (k *key) fits(a *algorithm) bool {
	return k.kind == a.kind && (k.alg == nil || k.alg == a)
}

// slowRSABits is from how many bits on an RSA key takes its time.
const slowRSABits = 4096

// slow reports whether one verification with k takes hundreds of microseconds.
func (k *key) slow() bool {
	if public, ok := k.material.(*rsa.PublicKey); ok {
		return public.N.BitLen() >= slowRSABits
	}
	return k.kind == kindP384 || k.kind == kindP521
}

// verifies reports whether signature is a's signature of signed. The key must fit.
func (k *key) verifies(a *algorithm, signed, signature []byte) bool {
	if a.signatureLen != 0 && len(signature) != a.signatureLen {
		return false
	}
	return a.method.Verify(string(signed), signature, k.verifier) == nil
}

// newSecretKey makes the key of an HMAC secret. One that is a public key is refused: whoever
// has the public key, and that is everybody, could sign.
func newSecretKey(secret []byte) (*key, error) {
	block, _ := pem.Decode(secret)
	_, err := x509.ParsePKIXPublicKey(secret)
	if block != nil || err == nil {
		return nil, errors.New("a key or certificate can't be an HMAC secret; public keys belong in public_key_file")
	}
	own := bytes.Clone(secret)
	return &key{kind: kindSecret, material: own, verifier: newMACs(own)}, nil
}

// newPublicKey makes the key of a public key, if its kind and size are among those served.
func newPublicKey(public any) (*key, error) {
	k := &key{material: public, verifier: public}
	switch p := public.(type) {
	case *rsa.PublicKey:
		k.kind = kindRSA
		if bits := p.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return nil, fmt.Errorf("RSA key of %d bits; %d to %d are allowed", bits, minRSABits, maxRSABits)
		}
		// crypto/rsa refuses these only once a signature is verified.
		if p.E < 3 || p.E&1 == 0 || p.N.Bit(0) == 0 {
			return nil, errors.New("RSA key with an impossible modulus or exponent")
		}
		k.verifier = prepareRSA(p)
	case *ecdsa.PublicKey:
		switch p.Curve {
		case elliptic.P256():
			k.kind = kindP256
		case elliptic.P384():
			k.kind = kindP384
		case elliptic.P521():
			k.kind = kindP521
		default:
			return nil, errors.New("elliptic curve other than P-256, P-384 and P-521")
		}
	case ed25519.PublicKey:
		k.kind = kindEd25519
	default:
		return nil, errors.New("key type other than RSA, ECDSA and Ed25519")
	}
	return k, nil
}

// PublicKeys reads a PEM file of public keys and certificates as a public key file is read: what
// is refused there is an error here.
func PublicKeys(data []byte) ([]crypto.PublicKey, error) {
	keys, err := parsePublicKeys(data)
	public := make([]crypto.PublicKey, len(keys))
	for i, k := range keys {
		public[i] = k.material
	}
	return public, err
}

// parsePublicKeys reads the keys of a PEM file: at least one block, and all of them usable.
func parsePublicKeys(data []byte) ([]*key, error) {
	// pem.Decode passes over a block that is damaged; a key must not vanish that way.
	want := strings.Count(string(data), "-----BEGIN ")
	if want > maxPublicKeys {
		return nil, fmt.Errorf("more than %d PEM blocks", maxPublicKeys)
	}
	var keys []*key
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		k, err := parsePublicKeyBlock(block)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", len(keys)+1, err)
		}
		keys = append(keys, k)
	}
	switch {
	case len(keys) == 0 && want == 0:
		return nil, errors.New("no PEM block")
	case len(keys) != want:
		return nil, fmt.Errorf("%d PEM blocks begin, and %d can be read", want, len(keys))
	}
	return keys, nil
}

func parsePublicKeyBlock(block *pem.Block) (*key, error) {
	var public any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			public = cert.PublicKey
		}
	default:
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return nil, errors.New("a private key; only its public half belongs here")
		}
		return nil, fmt.Errorf("type %q; want PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", block.Type, err)
	}
	return newPublicKey(public)
}
