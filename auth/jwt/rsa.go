package jwt

import (
	"bytes"
	"crypto"
	"crypto/fips140"
	"crypto/rsa"
	"io"
	"math"
	"sync"

	"filippo.io/bigmod"
	gojwt "github.com/golang-jwt/jwt/v5"
)

// crypto/rsa prepares a public key for each signature anew, which takes more than a third of the time
// of a verification. What is needed of it once is kept here, with the arithmetic that crypto/rsa
// itself is made of. Nothing of it is secret.

// preparedRSA verifies with one public key. It is safe for concurrent use.
type preparedRSA struct {
	public *rsa.PublicKey
	n      *bigmod.Modulus // nil: crypto/rsa verifies
	e      uint
	spare  sync.Pool // *bigmod.Nat
}

func prepareRSA(public *rsa.PublicKey) *preparedRSA {
	k := &preparedRSA{public: public, spare: sync.Pool{New: func() any { return bigmod.NewNat() }}}
	if fips140.Enabled() || public.E > math.MaxInt32 {
		return k // the module that was certified, or an error of crypto/rsa's own
	}
	if n, err := bigmod.NewModulus(public.N.Bytes()); err == nil {
		k.n, k.e = n, uint(public.E)
	}
	return k
}

// pssMethod is golang-jwt's, for an [preparedRSA].
type pssMethod struct{ *gojwt.SigningMethodRSAPSS }

// Verify implements [gojwt.SigningMethod].
func (m pssMethod) Verify(signed string, signature []byte, key any) error {
	return m.SigningMethodRSAPSS.Verify(signed, signature, key.(*preparedRSA).public)
}

// rsaMethod is golang-jwt's, for an [preparedRSA].
type rsaMethod struct{ *gojwt.SigningMethodRSA }

// Verify implements [gojwt.SigningMethod]: RSASSA-PKCS1-v1_5 by RFC 8017, section 8.2.2. The message is
// encoded, and what the signature stands for must be that to the byte: nothing of it is parsed, so
// that there is nothing to be lenient about.
func (m rsaMethod) Verify(signed string, signature []byte, key any) error {
	k := key.(*preparedRSA)
	if k.n == nil {
		return m.SigningMethodRSA.Verify(signed, signature, k.public)
	}
	if len(signature) != k.n.Size() {
		return rsa.ErrVerification
	}
	s := k.spare.Get().(*bigmod.Nat)
	defer k.spare.Put(s)
	if _, err := s.SetBytes(signature, k.n); err != nil { // not below the modulus
		return rsa.ErrVerification
	}
	power := k.spare.Get().(*bigmod.Nat)
	defer k.spare.Put(power)
	if !bytes.Equal(power.ExpShortVarTime(s, k.e, k.n).Bytes(k.n), encoded(m.Hash, signed, len(signature))) {
		return rsa.ErrVerification
	}
	return nil
}

// digestInfo is what stands before a hash in an encoded message: RFC 8017, section 9.2, note 1.
var digestInfo = map[crypto.Hash][]byte{
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}

// encoded is EMSA-PKCS1-v1_5 of a message in size bytes, which are enough: RFC 8017, section 9.2.
// A modulus has 256 at least.
func encoded(h crypto.Hash, message string, size int) []byte {
	info := digestInfo[h]
	em := bytes.Repeat([]byte{0xff}, size)
	end := size - len(info) - h.Size()
	em[0], em[1], em[end-1] = 0, 1, 0
	copy(em[end:], info)
	hash := h.New()
	io.WriteString(hash, message)
	hash.Sum(em[:size-h.Size()])
	return em
}
