package packets

import "encoding/binary"

// AppendConnect appends c as a whole packet to dst and returns it. For a c that
// [ParseConnect] filled in, the result is the frame that it read, byte for byte. To send
// other credentials, change HasUserName, UserName, HasPassword and Password in a copy;
// everything else stays as it came. It allocates only where dst has no room.
//
// It panics where a field is longer than [MaxString] or the packet longer than MQTT can
// express: a cut length would let the rest of the field be read as other packets. Only a
// caller's own slices can be too long; [ValidString] judges them.
func AppendConnect(dst []byte, c *Connect) []byte {
	name := protocolName
	if c.Version == V31 {
		name = protocolName31
	}
	level := byte(c.Version)
	if c.Bridge {
		level |= bridgeBit
	}

	dst = append(dst, typeConnect|c.headerFlags)
	dst = appendSize(dst, c.bodySize(len(name)))
	dst = appendField(dst, name)
	dst = append(dst, level, c.flags())
	dst = binary.BigEndian.AppendUint16(dst, c.KeepAlive)
	if c.Version == V5 {
		dst = append(appendSize(dst, len(c.Properties)), c.Properties...)
	}
	dst = appendField(dst, c.ClientID)
	if c.Will {
		if c.Version == V5 {
			dst = append(appendSize(dst, len(c.WillProperties)), c.WillProperties...)
		}
		dst = appendField(dst, c.WillTopic)
		dst = appendField(dst, c.WillPayload)
	}
	if c.HasUserName {
		dst = appendField(dst, c.UserName)
	}
	if c.HasPassword {
		dst = appendField(dst, c.Password)
	}
	return dst
}

// bodySize returns the Remaining Length of c under a protocol name of that many bytes.
func (c *Connect) bodySize(name int) int {
	n := 2 + name + 1 + 1 + 2 + 2 + len(c.ClientID)
	if c.Version == V5 {
		n += varintSize(len(c.Properties)) + len(c.Properties)
	}
	if c.Will {
		if c.Version == V5 {
			n += varintSize(len(c.WillProperties)) + len(c.WillProperties)
		}
		n += 2 + len(c.WillTopic) + 2 + len(c.WillPayload)
	}
	if c.HasUserName {
		n += 2 + len(c.UserName)
	}
	if c.HasPassword {
		n += 2 + len(c.Password)
	}
	return n
}

// flags returns the connect flags of c.
func (c *Connect) flags() byte {
	flags := c.spareFlags
	// The flag of a missing string can stay only while nothing follows that would then be
	// read as the string.
	if c.HasPassword {
		flags &^= flagUserName | flagPassword
	}
	if c.HasUserName {
		flags &^= flagUserName
	}
	if c.CleanStart {
		flags |= flagCleanStart
	}
	if c.Will {
		flags |= flagWill | c.WillQoS<<willQoSShift&maskWillQoS
		if c.WillRetain {
			flags |= flagWillRetain
		}
	}
	if c.HasUserName {
		flags |= flagUserName
	}
	if c.HasPassword {
		flags |= flagPassword
	}
	return flags
}

// appendSize appends a length as a Variable Byte Integer.
func appendSize(dst []byte, n int) []byte {
	if n > maxRemainingLength {
		panic("packets: a CONNECT longer than MQTT can express")
	}
	return appendVarint(dst, n)
}

// appendField appends a string or binary data behind its length.
func appendField[T string | []byte](dst []byte, field T) []byte {
	if len(field) > MaxString {
		panic("packets: a field of CONNECT longer than 65535 bytes")
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(field)))
	return append(dst, field...)
}
