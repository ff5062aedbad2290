package jwt

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"mqttward/auth"
)

const (
	// maxToken is the longest token in bytes: MQTT's strings end there [MQTT5 1.5.4].
	maxToken = 65535
	// maxHeader is the longest decoded header. It leaves room for a chain of four
	// certificates in x5c, and bounds the work done before a signature was verified.
	maxHeader = 16 << 10
)

// strictBase64 refuses unused bits that are set. It skips line breaks all the same, so that
// these have to be looked for.
var strictBase64 = base64.RawURLEncoding.Strict()

// fault is why a token is refused; the zero value is no fault. detail never holds a claim's
// value.
type fault struct {
	reason auth.Reason
	detail string
}

func faultf(r auth.Reason, format string, args ...any) fault {
	return fault{r, fmt.Sprintf(format, args...)}
}

// is reports whether there is a fault.
func (f fault) is() bool { return f.reason != auth.None }

// token is a token in its parts. The slices alias the client's packet and the buffer that the
// token was decoded to.
type token struct {
	alg *algorithm
	// kid is meaningful where hasKID is true, and may be empty even then.
	kid    []byte
	hasKID bool
	// signed is what the signature covers, as it was sent.
	signed    []byte
	payload   []byte // decoded, and not yet looked into
	signature []byte
}

// hasThreeParts reports whether b is for this stage to judge.
func hasThreeParts(b []byte) bool { return bytes.Count(b, []byte{'.'}) == 2 }

// parseToken takes a text of three parts apart and judges its header. Of the payload only the
// base64 is judged: its content is nobody's business before the signature is verified. Parts are
// decoded to room where they fit there.
func parseToken(raw, room []byte) (token, fault) {
	if len(raw) > maxToken {
		return token{}, faultf(auth.TokenMalformed, "longer than %d bytes", maxToken)
	}
	if bytes.ContainsAny(raw, "\r\n") {
		return token{}, fault{auth.TokenMalformed, "line break in base64"}
	}
	dot := bytes.IndexByte(raw, '.')
	last := bytes.LastIndexByte(raw, '.')
	if strictBase64.DecodedLen(dot) > maxHeader {
		return token{}, faultf(auth.TokenMalformed, "header longer than %d bytes", maxHeader)
	}
	buf := room[:0]
	if n := strictBase64.DecodedLen(len(raw)); n > cap(buf) {
		buf = make([]byte, 0, n)
	}
	header, buf, err := appendPart(buf, raw[:dot])
	if err != nil {
		return token{}, fault{auth.TokenMalformed, "header is not base64url"}
	}
	payload, buf, err := appendPart(buf, raw[dot+1:last])
	if err != nil {
		return token{}, fault{auth.TokenMalformed, "payload is not base64url"}
	}
	signature, _, err := appendPart(buf, raw[last+1:])
	if err != nil {
		return token{}, fault{auth.TokenMalformed, "signature is not base64url"}
	}
	t := token{signed: raw[:last], payload: payload, signature: signature}
	f := t.parseHeader(header)
	return t, f
}

// appendPart decodes a part of a token behind what buf holds, and returns it and the longer buf.
func appendPart(buf, part []byte) (decoded, longer []byte, err error) {
	longer, err = strictBase64.AppendDecode(buf, part)
	if err != nil {
		return nil, buf, err
	}
	return longer[len(buf):], longer, nil
}

// parseHeader reads what of the header counts. All of its form is judged before its alg is.
func (t *token) parseHeader(header []byte) fault {
	var few [8]member
	m, err := parseObject(header, few[:0])
	if err != nil {
		return faultf(auth.TokenMalformed, "header: %v", err)
	}
	algValue, hasAlg := m.get("alg")
	alg, isText := algValue.text()
	if hasAlg && !isText {
		return fault{auth.TokenMalformed, "header: alg is not a string"}
	}
	if kid, ok := m.get("kid"); ok {
		if t.kid, t.hasKID = kid.text(); !t.hasKID {
			return fault{auth.TokenMalformed, "header: kid is not a string"}
		}
	}
	// RFC 7515 section 4.1.11: a recipient that does not know each extension named in crit
	// must refuse the token. We know none.
	if _, ok := m.get("crit"); ok {
		return fault{auth.TokenMalformed, "header: crit names extensions that are not known here"}
	}
	// RFC 7797: an unencoded payload would be read in a way that it was not signed in.
	if b64, ok := m.get("b64"); ok && b64.kind != jsonTrue {
		return fault{auth.TokenMalformed, "header: b64 is not true"}
	}
	if !hasAlg {
		return fault{auth.AlgNotAllowed, "header: no alg"}
	}
	if t.alg = algorithms[string(alg)]; t.alg == nil {
		return faultf(auth.AlgNotAllowed, "header: alg is %q", auth.Display(alg))
	}
	return fault{}
}
