package mint

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// SignOptions say what a token is made of.
type SignOptions struct {
	// Secret is the key of the HS algorithms, and Key that of all others: one of the two.
	Secret []byte
	Key    crypto.Signer
	// Algorithm must fit the key. Empty means HS256 for a secret, and for a key RS256, EdDSA, or
	// that of its curve.
	Algorithm string
	// KID is the header's kid; empty means none.
	KID string
	// Claims are the payload's.
	Claims map[string]any
}

// Sign makes a token.
func Sign(o SignOptions) (string, error) {
	fit := []string{"HS256", "HS384", "HS512"}
	var key any = o.Secret
	switch {
	case (o.Key == nil) == (len(o.Secret) == 0):
		return "", errors.New("a token wants a secret or a private key, one of the two")
	case o.Key != nil:
		key = o.Key
		if fit = algorithmsOf(o.Key); fit == nil {
			return "", errors.New("the key is neither RSA, nor on P-256, P-384 or P-521, nor Ed25519")
		}
	}
	alg := o.Algorithm
	if alg == "" {
		alg = fit[0]
	}
	if !slices.Contains(Algorithms(), alg) {
		return "", unknownAlgorithm(alg)
	}
	if !slices.Contains(fit, alg) {
		return "", fmt.Errorf("the key does not fit %s: it signs %s", alg, strings.Join(fit, ", "))
	}
	t := jwt.NewWithClaims(jwt.GetSigningMethod(alg), jwt.MapClaims(o.Claims))
	if o.KID != "" {
		t.Header["kid"] = o.KID
	}
	return t.SignedString(key)
}

// ParseClaim reads a claim as it stands on a command line: NAME=TEXT for a string, NAME:=JSON for
// any value.
func ParseClaim(s string) (name string, value any, err error) {
	name, text, ok := strings.Cut(s, "=")
	if !ok {
		return "", nil, fmt.Errorf("a claim is NAME=TEXT, or NAME:=JSON such as 'aud:=[\"a\"]', not %q", s)
	}
	isJSON := strings.HasSuffix(name, ":")
	if isJSON {
		name = strings.TrimSuffix(name, ":")
	}
	switch {
	case name == "":
		return "", nil, errors.New("a claim must have a name")
	case !isJSON:
		return name, text, nil
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber() // as it is written
	if err := d.Decode(&value); err != nil {
		return "", nil, fmt.Errorf("claim %s: what follows := is not JSON; a text is %s=TEXT", name, name)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", nil, fmt.Errorf("claim %s: something follows the JSON value", name)
	}
	return name, value, nil
}
