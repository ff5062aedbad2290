package builtin

import "encoding/binary"

// The first byte of a stored hash, its kind.
const (
	storedSHA512 byte = 1 + iota
	storedPBKDF2
	storedArgon2id
	storedBcrypt
	storedSalted
	storedDerived
)

// readStored reads what appendStored wrote, to its end. It trusts it: nothing else comes here.
func readStored(b []byte) Hash {
	s := stored(b[1:])
	switch b[0] {
	case storedSHA512:
		return &sha512Hash{salt: s.part(), sum: [64]byte(s.bytes(64))}
	case storedPBKDF2:
		return &pbkdf2Hash{iterations: s.number(), salt: s.part(), sum: [64]byte(s.bytes(64))}
	case storedArgon2id:
		return &argon2idHash{memory: s.number(), passes: s.number(), lanes: s.byte(), salt: s.part(), sum: s.part()}
	case storedBcrypt:
		return &bcryptHash{cost: s.byte(), salt: [16]byte(s.bytes(16)), sum: [23]byte(s.bytes(23))}
	case storedSalted:
		return &saltedHash{digest: digest(s.byte()), position: SaltPosition(s.byte()), salt: s.part(), sum: s.part()}
	case storedDerived:
		return &derivedHash{digest: digest(s.byte()), iterations: s.number(), salt: s.part(), sum: s.part()}
	}
	panic("builtin: a stored hash of an unknown kind")
}

// stored is what is left of a stored hash.
type stored []byte

func (s *stored) bytes(n int) []byte {
	b := (*s)[:n]
	*s = (*s)[n:]
	return b
}

func (s *stored) byte() byte     { return s.bytes(1)[0] }
func (s *stored) number() uint32 { return binary.BigEndian.Uint32(s.bytes(4)) }

func (s *stored) part() string {
	n, width := binary.Uvarint(*s)
	s.bytes(width)
	return string(s.bytes(int(n)))
}

// appendStoredPart appends part with its length, in fewer bytes than appendPart.
func appendStoredPart(b []byte, part string) []byte {
	b = binary.AppendUvarint(b, uint64(len(part)))
	return append(b, part...)
}
