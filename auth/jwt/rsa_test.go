package jwt

import (
	"crypto"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"sync"
	"testing"

	gojwt "github.com/golang-jwt/jwt/v5"
)

var rsaMethods = []*gojwt.SigningMethodRSA{gojwt.SigningMethodRS256, gojwt.SigningMethodRS384, gojwt.SigningMethodRS512}

// sameVerdict expects that a signature is accepted by rsaMethod just where golang-jwt accepts it.
func sameVerdict(t *testing.T, m *gojwt.SigningMethodRSA, signed string, signature []byte, k *preparedRSA) (good bool) {
	t.Helper()
	want := m.Verify(signed, signature, k.public) == nil
	if got := (rsaMethod{m}).Verify(signed, signature, k) == nil; got != want {
		t.Errorf("%s, %d bits: got %v, crypto/rsa says %v (signature %x)", m.Alg(), k.public.N.BitLen(), got, want, signature)
	}
	return want
}

func newRSA(t testing.TB, bits int) *rsa.PrivateKey {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// preparedFor is a prepared key, where keys are prepared: not in FIPS mode.
func preparedFor(t testing.TB, private *rsa.PrivateKey) *preparedRSA {
	t.Helper()
	k := prepareRSA(&private.PublicKey)
	if k.n == nil && fips140.Enabled() {
		t.Skip("crypto/rsa verifies")
	}
	if k.n == nil {
		t.Fatalf("%d bits: not prepared", private.N.BitLen())
	}
	return k
}

func TestRSASignaturesAreVerifiedAsByCryptoRSA(t *testing.T) {
	for _, bits := range []int{2048, 2049, 2055, 3072, 4096} {
		private := newRSA(t, bits)
		k := preparedFor(t, private)
		for _, m := range rsaMethods {
			signature, err := m.Sign("head.payload", private)
			if err != nil {
				t.Fatal(err)
			}
			if !sameVerdict(t, m, "head.payload", signature, k) {
				t.Errorf("%s, %d bits: a good signature is refused", m.Alg(), bits)
			}
			for _, bad := range [][]byte{nil, {}, signature[1:], append([]byte{0}, signature...), append(append([]byte{}, signature...), 0), make([]byte, len(signature))} {
				sameVerdict(t, m, "head.payload", bad, k)
			}
			for i := range signature {
				bad := append([]byte{}, signature...)
				bad[i] ^= 1 << (i % 8)
				if sameVerdict(t, m, "head.payload", bad, k) {
					t.Errorf("%s, %d bits: accepted with byte %d changed", m.Alg(), bits, i)
				}
			}
			sameVerdict(t, m, "head.other", signature, k)
			for _, other := range rsaMethods {
				if other != m && sameVerdict(t, other, "head.payload", signature, k) {
					t.Errorf("%s accepts what was signed for %s", other.Alg(), m.Alg())
				}
			}
			// The signature plus the modulus stands for the same number.
			if s := new(big.Int).Add(new(big.Int).SetBytes(signature), private.N); s.BitLen() <= 8*len(signature) {
				sameVerdict(t, m, "head.payload", s.FillBytes(make([]byte, len(signature))), k)
			}
		}
	}
}

// What a lenient verifier takes for an encoded message: the forgeries that need no private key where
// the exponent is small are of these forms. Here each is signed with the private key.
func TestRSAForgedEncodingsAreRefused(t *testing.T) {
	private := newRSA(t, 2048)
	k := preparedFor(t, private)
	size := k.n.Size()
	good := encoded(crypto.SHA256, "head.payload", size)
	sign := func(em []byte) []byte {
		return new(big.Int).Exp(new(big.Int).SetBytes(em), private.D, private.N).FillBytes(make([]byte, size))
	}
	if !sameVerdict(t, gojwt.SigningMethodRS256, "head.payload", sign(good), k) {
		t.Fatal("the encoding itself is refused")
	}
	info := len(digestInfo[crypto.SHA256]) + 32
	changed := func(f func(em []byte)) []byte {
		em := append([]byte{}, good...)
		f(em)
		return em
	}
	for name, em := range map[string][]byte{
		"short padding, bytes behind": changed(func(em []byte) {
			copy(em[11:], em[size-info:])
			em[10] = 0
		}),
		"padding of other bytes": changed(func(em []byte) { em[5] = 0xfe }),
		"block type 2":           changed(func(em []byte) { em[1] = 2 }),
		"block type 0":           changed(func(em []byte) { em[1] = 0 }),
		"no separator":           changed(func(em []byte) { em[size-info-1] = 0xff }),
		"no NULL": changed(func(em []byte) {
			at := size - info
			copy(em[at+2:], []byte{0x30, 0x2f, 0x30, 0x0b})
		}),
		"another hash's identifier": changed(func(em []byte) { em[size-32-5] = 2 }),
		"a longer length":           changed(func(em []byte) { em[size-33] = 0x21 }),
		"another hash":              changed(func(em []byte) { em[size-1]++ }),
	} {
		if sameVerdict(t, gojwt.SigningMethodRS256, "head.payload", sign(em), k) {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRSAKeysOfSmallAndLargeExponents(t *testing.T) {
	private := newRSA(t, 2048)
	for _, e := range []int{3, 17, 65537, 1<<31 - 1} {
		public := &rsa.PublicKey{N: private.N, E: e}
		k := prepareRSA(public)
		em := encoded(crypto.SHA256, "head.payload", 256)
		sameVerdict(t, gojwt.SigningMethodRS256, "head.payload", em, k)
		// With this exponent a number's power is what it should be, whoever has signed it.
		s := make([]byte, 256)
		s[255] = 1
		sameVerdict(t, gojwt.SigningMethodRS256, "head.payload", s, k)
	}
}

// Verifications share what is spare of a key's numbers, and keys are of different sizes.
func TestRSAVerifiesForManyAtOnce(t *testing.T) {
	var all sync.WaitGroup
	for _, bits := range []int{2048, 2056, 3072} {
		private := newRSA(t, bits)
		k := prepareRSA(&private.PublicKey)
		good, err := gojwt.SigningMethodRS256.Sign("head.payload", private)
		if err != nil {
			t.Fatal(err)
		}
		for worker := range 4 {
			all.Go(func() {
				signature := append([]byte{}, good...)
				for i := range 50 {
					signature[i] ^= byte(worker)
					if got := (rsaMethod{gojwt.SigningMethodRS256}).Verify("head.payload", signature, k) == nil; got != (worker == 0) {
						t.Errorf("%d bits: got %v, want %v", bits, got, worker == 0)
					}
					signature[i] = good[i]
				}
			})
		}
	}
	all.Wait()
}

func FuzzRSASignature(f *testing.F) {
	private := newRSA(f, 2048)
	k := prepareRSA(&private.PublicKey)
	signature, _ := gojwt.SigningMethodRS256.Sign("head.payload", private)
	f.Add("head.payload", signature)
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, signed string, signature []byte) {
		for _, m := range rsaMethods {
			sameVerdict(t, m, signed, signature, k)
		}
	})
}

func BenchmarkRSAVerify(b *testing.B) {
	private := newRSA(b, 2048)
	k := prepareRSA(&private.PublicKey)
	signature, _ := gojwt.SigningMethodRS256.Sign("head.payload", private)
	b.Run("crypto/rsa", func(b *testing.B) {
		for b.Loop() {
			_ = gojwt.SigningMethodRS256.Verify("head.payload", signature, k.public)
		}
	})
	b.Run("prepared", func(b *testing.B) {
		for b.Loop() {
			_ = rsaMethod{gojwt.SigningMethodRS256}.Verify("head.payload", signature, k)
		}
	})
}
