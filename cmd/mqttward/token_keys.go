package main

import (
	"crypto"
	"fmt"
	"io"
	"os"
	"strings"

	"mqttward/auth/jwt"
	"mqttward/cmd/internal/mint"
)

const tokenKeygenHelp = `Usage: mqttward token keygen [-alg ALGORITHM] NAME

Makes a key for testing: NAME.key, the private key, and NAME.pub, the public one for
public_key_file. For HS256, HS384 and HS512 it is NAME.secret, for secret_file.
Files that are there are not touched.

  mqttward token keygen -alg EdDSA try
`

func tokenKeygen(args []string, stdout, stderr io.Writer) int {
	f := flags("token keygen", tokenKeygenHelp, stderr)
	alg := f.String("alg", "ES256", "the `ALGORITHM`: "+strings.Join(mint.Algorithms(), ", "))
	values, code, done := parseWith(f, []string{"NAME"}, args, stdout, stderr)
	if done {
		return code
	}
	private, public, err := mint.NewKey(*alg)
	if err != nil {
		return misused(f.Name(), stderr, err)
	}
	privateName, publicName := values[0]+".key", values[0]+".pub"
	if mint.IsSecret(*alg) {
		privateName, publicName = values[0]+".secret", ""
	}
	if err := writeNew(privateName, private, 0o600); err != nil {
		return failed(f.Name(), stderr, err)
	}
	if publicName == "" {
		fmt.Fprintf(stdout, "%s is a secret for testing\n", privateName)
		return exitOK
	}
	if err := writeNew(publicName, public, 0o644); err != nil {
		os.Remove(privateName) // one half alone is of no use
		return failed(f.Name(), stderr, err)
	}
	fmt.Fprintf(stdout, "%s and %s are a pair of keys for testing\n", privateName, publicName)
	return exitOK
}

// writeNew writes a file that must not be there yet.
func writeNew(name string, text []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(name)
	}
	return err
}

const tokenJWKSHelp = `Usage: mqttward token jwks [-kid KID] FILE...

Prints the public keys and certificates of PEM files as a JWKS, such as an identity
provider serves. Each key's kid is its thumbprint (RFC 7638), as in the tokens that
"token sign" makes. Private keys are refused.

  mqttward token jwks try.pub other.pub > jwks.json
`

func tokenJWKS(args []string, stdout, stderr io.Writer) int {
	f := flags("token jwks", tokenJWKSHelp, stderr)
	kid := f.String("kid", "", "another `KID`, where there is one key alone")
	files, code, done := parseWith(f, []string{"FILE..."}, args, stdout, stderr)
	if done {
		return code
	}
	var keys []crypto.PublicKey
	for _, file := range files {
		text, err := readKeyFile(file)
		if err != nil {
			return failed(f.Name(), stderr, err)
		}
		more, err := jwt.PublicKeys(text)
		if err != nil {
			return failed(f.Name(), stderr, fmt.Errorf("%s: %w", file, err))
		}
		keys = append(keys, more...)
	}
	var kids []string
	if *kid != "" {
		if len(keys) != 1 {
			return misused(f.Name(), stderr, fmt.Errorf("-kid is for one key, and there are %d", len(keys)))
		}
		kids = []string{*kid}
	}
	set, err := mint.KeySet(keys, kids)
	if err != nil {
		return failed(f.Name(), stderr, err)
	}
	_, _ = stdout.Write(set)
	return exitOK
}
