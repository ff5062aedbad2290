package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// serverName is what the certificates are for.
const serverName = "localhost"

// lifetime is that of tokens and certificates: longer than anything measured here.
const lifetime = 24 * time.Hour

// secrets sign the tokens of one run, and are forgotten with it.
type secrets struct {
	hmac  string
	rsa   *rsa.PrivateKey
	ecdsa *ecdsa.PrivateKey
}

func newSecrets() (*secrets, error) {
	s := &secrets{hmac: rand.Text()}
	var err error
	if s.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return nil, err
	}
	if s.ecdsa, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	return s, nil
}

// token returns a signed token, like no other of the same run where serial differs.
func (s *secrets) token(algorithm string, serial int) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"username":%q,"jti":"%d","exp":%d}`, userName, serial, time.Now().Add(lifetime).Unix())
	text := encode(fmt.Appendf(nil, `{"alg":%q,"typ":"JWT"}`, algorithm)) + "." + encode([]byte(claims))
	signature, err := s.sign(algorithm, []byte(text))
	if err != nil {
		return "", fmt.Errorf("sign a token by %s: %w", algorithm, err)
	}
	return text + "." + encode(signature), nil
}

func (s *secrets) sign(algorithm string, text []byte) ([]byte, error) {
	sum := sha256.Sum256(text)
	switch algorithm {
	case "HS256":
		mac := hmac.New(sha256.New, []byte(s.hmac))
		mac.Write(text)
		return mac.Sum(nil), nil
	case "RS256":
		return rsa.SignPKCS1v15(nil, s.rsa, crypto.SHA256, sum[:])
	case "ES256":
		r, v, err := ecdsa.Sign(rand.Reader, s.ecdsa, sum[:])
		if err != nil {
			return nil, err
		}
		return append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...), nil
	}
	return nil, fmt.Errorf("unknown algorithm %q", algorithm)
}

// tokens returns n different tokens, and a serial for those that come after them.
func (s *secrets) tokens(algorithm string, n, serial int) (list []string, next int, err error) {
	list = make([]string, n)
	for i := range list {
		if list[i], err = s.token(algorithm, serial+i); err != nil {
			return nil, serial, err
		}
	}
	return list, serial + n, nil
}

// publicPEM returns a key's public half.
func publicPEM(key crypto.Signer) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// certificate is a server's, and its key, in PEM. It is its own authority.
type certificate struct{ Cert, Key string }

// newCertificate makes a certificate for the loopback addresses.
func newCertificate(key crypto.Signer) (certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "mqttward-bench"},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lifetime),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{serverName},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return certificate{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return certificate{}, err
	}
	return certificate{
		Cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})),
		Key:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}, nil
}
