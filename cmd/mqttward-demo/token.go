package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

// sampleSecret and sampleToken are the pair that tutorials of JWT with MQTT begin with:
// HS256, no user name, no expiry.
const (
	sampleSecret = "your-256-bit-secret"
	sampleToken  = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkVNUVggQ2xvdWQiLCJpYXQiOjE1MTYyMzkwMjJ9.JHtutBSV4FfPfYYZyj6yn4K76clOQ-zkS6-_7VjnfK8"
)

// claims are those of the tokens that the demo signs.
type claims struct {
	UserName string `json:"username"`
	Expires  int64  `json:"exp"`
}

// sign returns a token for a user name, by the demo's secret.
func sign(userName string, expires time.Time) string {
	payload, err := json.Marshal(claims{userName, expires.Unix()})
	if err != nil {
		panic("a string and a number have JSON: " + err.Error())
	}
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(payload)
	mac := hmac.New(sha256.New, []byte(sampleSecret))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

// unsigned returns a token that claims to need no signature.
func unsigned(userName string) string {
	payload, err := json.Marshal(map[string]string{"username": userName})
	if err != nil {
		panic("a string has JSON: " + err.Error())
	}
	return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(payload) + "."
}

// tampered returns a token with one character of its signature changed.
func tampered(token string) string {
	b := []byte(token)
	at := len(b) - 10
	if b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	return string(b)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
