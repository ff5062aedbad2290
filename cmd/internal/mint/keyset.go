package mint

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/MicahParks/jwkset"
)

// KeySet returns a JWKS of public keys. Each has its thumbprint for a kid, unless kids has one for
// it.
func KeySet(keys []crypto.PublicKey, kids []string) ([]byte, error) {
	set := jwkset.JWKSMarshal{Keys: []jwkset.JWKMarshal{}}
	seen := map[string]bool{}
	for i, key := range keys {
		j, err := publicJWK(key)
		if err != nil {
			return nil, err
		}
		if j.KID, err = Thumbprint(key); err != nil {
			return nil, err
		}
		if i < len(kids) {
			j.KID = kids[i]
		}
		if seen[j.KID] {
			return nil, fmt.Errorf("two keys have the kid %q", j.KID)
		}
		seen[j.KID] = true
		j.USE = jwkset.UseSig
		set.Keys = append(set.Keys, j)
	}
	text, err := json.MarshalIndent(set, "", "  ")
	return append(text, '\n'), err
}

// publicJWK is a public key as a JWK without a kid.
func publicJWK(key crypto.PublicKey) (jwkset.JWKMarshal, error) {
	j, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{})
	if err != nil {
		return jwkset.JWKMarshal{}, fmt.Errorf("make a JWK: %w", err)
	}
	return j.Marshal(), nil
}

// Thumbprint is a public key's, by RFC 7638 and RFC 8037 with SHA-256: a name that anybody who has
// the key finds.
func Thumbprint(key crypto.PublicKey) (string, error) {
	j, err := publicJWK(key)
	if err != nil {
		return "", err
	}
	var members any // those that the RFCs list, which the encoder sorts by name
	switch j.KTY {
	case jwkset.KtyRSA:
		members = map[string]string{"e": j.E, "kty": string(j.KTY), "n": j.N}
	case jwkset.KtyEC:
		members = map[string]string{"crv": string(j.CRV), "kty": string(j.KTY), "x": j.X, "y": j.Y}
	case jwkset.KtyOKP:
		members = map[string]string{"crv": string(j.CRV), "kty": string(j.KTY), "x": j.X}
	default:
		return "", errors.New("a key without a thumbprint")
	}
	text, err := json.Marshal(members)
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:]), err
}
