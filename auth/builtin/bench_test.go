package builtin

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"mqttward/auth"
)

func BenchmarkVerify(b *testing.B) {
	for _, bc := range []struct{ name, hash string }{
		{"sha512", emptySHA512},
		{"pbkdf2-101", emptyPBKDF2},
		{"pbkdf2-1000", snailPBKDF2},
		{"argon2id-47104", with(emptyArgon2, "m=64", "m=47104")},
		{"bcrypt-10", with(emptyBcrypt, "$04$", "$10$")},
	} {
		b.Run(bc.name, func(b *testing.B) {
			h := mustParse(b, bc.hash)
			password := []byte("a usual password")
			b.ReportAllocs()
			for b.Loop() {
				h.verify(password)
			}
		})
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	const users = 100_000
	list := make([]User, users)
	h := mustParse(b, emptySHA512)
	for i := range list {
		list[i] = User{Name: fmt.Sprintf("device-%06d", i), Hash: h}
	}
	s := newStage(b, Options{Users: list, Token: TokenInPassword})
	for _, bc := range []struct {
		name string
		c    *auth.Credentials
	}{
		{"known", credentials("device-012345", "wrong")},
		{"unknown", credentials("nobody", "wrong")},
		{"unknown with a token", credentials("nobody", token)},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Authenticate(context.Background(), bc.c)
			}
		})
	}
}

// BenchmarkKnownPassword is the price of a password that was found right before, whatever the
// cost of its hash.
func BenchmarkKnownPassword(b *testing.B) {
	for _, bc := range []struct{ name, hash string }{
		{"pbkdf2-1000", snailPBKDF2},
		{"argon2id-47104", with(emptyArgon2, "m=64", "m=47104")},
		{"bcrypt-10", with(emptyBcrypt, "$04$", "$10$")},
	} {
		b.Run(bc.name, func(b *testing.B) {
			h := mustParse(b, bc.hash)
			c := credentials("device-012345", "a usual password")
			s := newStage(b, Options{Users: []User{{Name: "device-012345", Hash: h}}})
			s.proofs.add(s.proofs.of(c.UserName, h, c.Password), 1)
			b.ReportAllocs()
			for b.Loop() {
				if v := s.Authenticate(context.Background(), c); v.Decision != auth.Accept {
					b.Fatal(v.Decision)
				}
			}
		})
	}
}

// BenchmarkProofs tells the memory of a password that is remembered.
func BenchmarkProofs(b *testing.B) {
	for _, users := range []int{9_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(users), func(b *testing.B) {
			for b.Loop() {
				before := heap()
				p := newProofs()
				for i := range users {
					p.add(proofNumber(i), users)
				}
				b.ReportMetric(float64(heap()-before)/float64(users), "B/entry")
				runtime.KeepAlive(p)
			}
		})
	}
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkPool is the price of handing a hash over to a worker and waiting for it.
func BenchmarkPool(b *testing.B) {
	s := newStage(b, Options{Users: slowUser(nil), Workers: 1})
	c := credentials("joe", "wrong")
	b.ReportAllocs()
	for b.Loop() {
		s.Authenticate(context.Background(), c)
	}
}
