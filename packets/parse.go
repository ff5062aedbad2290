package packets

// ParseConnect reads the CONNECT that frame is: one whole packet, fixed header included,
// and nothing after it. It is a pure function, allocates nothing, and leaves slices of
// frame in c, whose old content is lost.
//
// The error is an [*Error]. c then holds what was read before the fault, which is enough to
// answer: Version is zero while it is unknown, and MaximumPacketSize and
// RequestProblemInformation are their defaults until the properties have been read.
func ParseConnect(frame []byte, c *Connect) error {
	*c = Connect{RequestProblemInformation: true}
	rest, err := connectBody(frame)
	if err != nil {
		return err
	}
	if err := parseProtocol(&rest, c); err != nil {
		return err
	}
	// The version decides who is told of a bad fixed header, and whether it is bad.
	if c.headerFlags = frame[0] &^ typeMask; c.headerFlags != 0 && c.Version != V31 {
		return rules.headerFlags.in(c.Version)
	}
	flags, err := parseFlags(&rest, c)
	if err != nil {
		return err
	}
	var ok bool
	if c.KeepAlive, ok = rest.uint16(); !ok {
		return rules.noKeepAlive.in(c.Version)
	}
	if c.Version == V5 {
		if c.Properties, err = parseProperties(&rest, &rules.properties, connectProperties, c); err != nil {
			return err
		}
	}
	if c.ClientID, err = rest.text(c.Version, &rules.clientID); err != nil {
		return err
	}
	if err := parseWill(&rest, c); err != nil {
		return err
	}
	if err := parseCredentials(&rest, c, flags); err != nil {
		return err
	}
	if len(rest) != 0 {
		return rules.trailing.in(c.Version)
	}
	return nil
}

// connectBody returns what stands behind the fixed header.
func connectBody(frame []byte) (cursor, error) {
	if len(frame) > 0 && frame[0]&typeMask != typeConnect {
		return nil, errNotConnect
	}
	size, err := PacketSize(frame)
	if err != nil {
		return nil, err
	}
	if size == 0 || size != len(frame) {
		return nil, errFrameSize
	}
	_, n := varint(frame[1:])
	return frame[1+n:], nil
}

// parseProtocol reads the protocol name and level.
func parseProtocol(rest *cursor, c *Connect) error {
	name, ok := rest.field()
	if !ok {
		return errNoProtocol
	}
	old := string(name) == protocolName31
	if !old && string(name) != protocolName {
		return errProtocolName
	}
	level, ok := rest.byte()
	if !ok {
		return errNoLevel
	}
	switch v := Version(level &^ bridgeBit); {
	case old && v != V31:
		return errLevel31
	case !old && v != V311 && v != V5:
		return errLevel
	default:
		c.Version, c.Bridge = v, level&bridgeBit != 0
	}
	return nil
}

// parseFlags reads the connect flags and returns them whole.
func parseFlags(rest *cursor, c *Connect) (byte, error) {
	flags, ok := rest.byte()
	if !ok {
		return 0, rules.noFlags.in(c.Version)
	}
	spare := flags & flagReserved
	c.CleanStart = flags&flagCleanStart != 0
	c.Will = flags&flagWill != 0
	if c.Will {
		c.WillQoS = flags & maskWillQoS >> willQoSShift
		c.WillRetain = flags&flagWillRetain != 0
	} else {
		spare |= flags & (maskWillQoS | flagWillRetain)
	}
	if c.WillQoS == 3 {
		return 0, rules.willQoS.in(c.Version)
	}
	// "Otherwise its value is disregarded." [MQTT31 CONNECT]
	if c.Version == V31 {
		c.spareFlags = spare
		return flags, nil
	}
	switch {
	case spare&flagReserved != 0:
		return 0, rules.reserved.in(c.Version)
	case spare&maskWillQoS != 0:
		return 0, rules.willQoSUnused.in(c.Version)
	case spare&flagWillRetain != 0:
		return 0, rules.willRetain.in(c.Version)
	}
	return flags, nil
}

// parseWill reads the will's fields, where there is a will.
func parseWill(rest *cursor, c *Connect) (err error) {
	if !c.Will {
		return nil
	}
	if c.Version == V5 {
		if c.WillProperties, err = parseProperties(rest, &rules.willProperties, willProperties, c); err != nil {
			return err
		}
	}
	if c.WillTopic, err = rest.topic(c.Version, &rules.willTopic); err != nil {
		return err
	}
	var ok bool
	if c.WillPayload, ok = rest.field(); !ok {
		return rules.willPayload.in(c.Version)
	}
	return nil
}

// parseCredentials reads the user name and the password that flags announce. In 3.1 the
// packet's length goes before the flags: a string that is missing altogether is absent.
// [MQTT31 CONNECT]
func parseCredentials(rest *cursor, c *Connect, flags byte) (err error) {
	absent := func() bool { return c.Version == V31 && len(*rest) == 0 }
	if flags&flagUserName != 0 {
		if absent() {
			c.spareFlags |= flagUserName
		} else if c.UserName, err = rest.text(c.Version, &rules.userName); err != nil {
			return err
		} else {
			c.HasUserName = true
		}
	}
	if flags&flagPassword != 0 {
		if absent() {
			c.spareFlags |= flagPassword
		} else if c.Password, c.HasPassword = rest.field(); !c.HasPassword {
			return rules.password.in(c.Version)
		}
	}
	return nil
}
