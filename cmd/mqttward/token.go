package main

import (
	"bytes"
	"crypto"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"mqttward/cmd/internal/mint"
)

const tokenHelp = `Usage: mqttward token COMMAND ...

Makes keys and tokens, and shows what is in one. This is for TESTING: no identity
provider, and nobody checks who asks.

  mqttward token keygen -alg ES256 try     makes try.key and try.pub
  mqttward token sign -key try.key -claim username=alice
  mqttward token inspect < TOKEN           shows header, payload and times
  mqttward token jwks try.pub              prints public keys as a JWKS

Where [auth.jwt] has public_key_file = "try.pub", this lets alice in:

  mosquitto_pub -u alice -P "$(mqttward token sign -key try.key -claim username=alice)" \
      -t hello -m world

"mqttward token COMMAND -h" tells more.
`

func token(args []string, stdout, stderr io.Writer) int {
	return group("token", tokenHelp, []command{
		{"sign", "", tokenSign},
		{"inspect", "", tokenInspect},
		{"keygen", "", tokenKeygen},
		{"jwks", "", tokenJWKS},
	}, args, stdout, stderr)
}

const tokenSignHelp = `Usage: mqttward token sign -key FILE | -secret-file FILE [FLAGS]

Prints a token, for testing. By default it is valid for an hour from now on; a
negative -expires-in makes one that has expired.

  mqttward token sign -key try.key -claim sub=sensor-1 -claim 'aud:=["mqtt","ota"]'
  printenv MQTT_JWT_SECRET | mqttward token sign -secret-file - -claim username=alice -expires-in 5m
`

func tokenSign(args []string, stdout, stderr io.Writer) int {
	f := flags("token sign", tokenSignHelp, stderr)
	var o mint.SignOptions
	keyFile := f.String("key", "", "the private key, in PEM: a `FILE` as \"token keygen\" or openssl makes it")
	secretFile := f.String("secret-file", "", "the secret of HS256, HS384 and HS512: a `FILE`, or - for standard input; one line end at\nits end is no part of it")
	f.StringVar(&o.Algorithm, "alg", "", "the `ALGORITHM`, such as HS512 or PS256; by default HS256, RS256, EdDSA, or that of the\ncurve")
	kid := f.String("kid", "", "the `KID`; by default a private key's is the thumbprint that \"token jwks\" prints, and a\nsecret has none")
	c := claimFlags(f)
	if _, code, done := parseWith(f, nil, args, stdout, stderr); done {
		return code
	}
	if (*keyFile == "") == (*secretFile == "") {
		return misused(f.Name(), stderr, fmt.Errorf("write -key FILE or -secret-file FILE, one of the two"))
	}
	var err error
	if o.Claims, err = c.at(time.Now()); err != nil {
		return misused(f.Name(), stderr, err)
	}
	if o.Secret, o.Key, err = signingKey(*secretFile, *keyFile); err != nil {
		return failed(f.Name(), stderr, err)
	}
	if o.KID = *kid; o.Key != nil && !isSet(f, "kid") {
		if o.KID, err = mint.Thumbprint(o.Key.Public()); err != nil {
			return failed(f.Name(), stderr, err)
		}
	}
	made, err := mint.Sign(o)
	if err != nil {
		return misused(f.Name(), stderr, err)
	}
	fmt.Fprintln(stdout, made)
	return exitOK
}

// isSet reports whether a flag was given.
func isSet(f *flag.FlagSet, name string) bool {
	given := false
	f.Visit(func(g *flag.Flag) { given = given || g.Name == name })
	return given
}

// maxKeyFile is more than any key, and as much as a CONNECT can hold of a token.
const maxKeyFile = 64 << 10

// readKeyFile reads a file that is small, or standard input where its name is "-".
func readKeyFile(name string) ([]byte, error) { return readInput(name, os.Stdin, maxKeyFile) }

// signingKey reads the secret or the private key, whichever has a name.
func signingKey(secretFile, keyFile string) ([]byte, crypto.Signer, error) {
	if secretFile != "" {
		secret, err := readKeyFile(secretFile)
		secret = bytes.TrimSuffix(bytes.TrimSuffix(secret, []byte("\n")), []byte("\r"))
		if err == nil && len(secret) == 0 {
			err = fmt.Errorf("the secret in %s is empty", secretFile)
		}
		return secret, nil, err
	}
	text, err := readKeyFile(keyFile)
	if err != nil {
		return nil, nil, err
	}
	key, err := mint.ParsePrivateKey(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	return nil, key, nil
}

// timeFlag is a flag's duration, of which a mistake says what to write.
type timeFlag time.Duration

func (t *timeFlag) String() string { return time.Duration(*t).String() }

func (t *timeFlag) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		return errors.New("write hours, minutes and seconds, as in 120h, 1h30m or 90s")
	}
	*t = timeFlag(d)
	return nil
}

// claims are a token's, as the flags give them.
type claims struct {
	list      []string
	expiresIn timeFlag
	notBefore timeFlag
	noIAT     bool
	flags     *flag.FlagSet
}

func claimFlags(f *flag.FlagSet) *claims {
	c := &claims{flags: f}
	f.Func("claim", "a claim, `NAME=TEXT`, or NAME:=JSON for what is no text; may be given more than once", func(s string) error {
		c.list = append(c.list, s)
		return nil
	})
	c.expiresIn = timeFlag(time.Hour)
	f.Var(&c.expiresIn, "expires-in", "the `TIME` from now to exp; 0 leaves exp out")
	f.Var(&c.notBefore, "not-before", "the `TIME` from now to nbf; without this flag there is none")
	f.BoolVar(&c.noIAT, "no-iat", false, "leave iat out")
	return c
}

// at are the claims of a token that is made now.
func (c *claims) at(now time.Time) (map[string]any, error) {
	all := map[string]any{}
	if !c.noIAT {
		all["iat"] = now.Unix()
	}
	if c.expiresIn != 0 {
		all["exp"] = now.Add(time.Duration(c.expiresIn)).Unix()
	}
	if isSet(c.flags, "not-before") {
		all["nbf"] = now.Add(time.Duration(c.notBefore)).Unix()
	}
	given := map[string]bool{}
	for _, text := range c.list {
		name, value, err := mint.ParseClaim(text)
		if err != nil {
			return nil, err
		}
		if given[name] {
			return nil, fmt.Errorf("claim %s is given twice; for several values write '%s:=[\"a\",\"b\"]'", name, name)
		}
		given[name], all[name] = true, value
	}
	return all, nil
}

const tokenInspectHelp = `Usage: mqttward token inspect < FILE

Shows what is in a token that comes on standard input: header, payload, and what its
times mean now. The signature is neither shown nor checked; mqttward explain does
that.

  mqttward token sign -key try.key -claim sub=x | mqttward token inspect
`

func tokenInspect(args []string, stdout, stderr io.Writer) int {
	f := flags("token inspect", tokenInspectHelp, stderr)
	if _, code, done := parseWith(f, nil, args, stdout, stderr); done {
		return code
	}
	text, err := readKeyFile("-")
	if err != nil {
		return failed(f.Name(), stderr, err)
	}
	shown, err := mint.Inspect(strings.TrimSpace(string(text)), time.Now())
	if err != nil {
		return failed(f.Name(), stderr, err)
	}
	fmt.Fprint(stdout, shown)
	return exitOK
}
