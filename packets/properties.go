package packets

// The identifiers of the properties that CONNECT and a will may have. [MQTT5 2.2.2.2]
const (
	propPayloadFormatIndicator     = 0x01
	propMessageExpiryInterval      = 0x02
	propContentType                = 0x03
	propResponseTopic              = 0x08
	propCorrelationData            = 0x09
	propSessionExpiryInterval      = 0x11
	propAuthenticationMethod       = 0x15
	propAuthenticationData         = 0x16
	propRequestProblemInformation  = 0x17
	propWillDelayInterval          = 0x18
	propRequestResponseInformation = 0x19
	propReasonString               = 0x1F // CONNACK and DISCONNECT only
	propReceiveMaximum             = 0x21
	propTopicAliasMaximum          = 0x22
	propUserProperty               = 0x26
	propMaximumPacketSize          = 0x27
)

// place is where a property may stand.
type place byte

const (
	connectProperties place = 1 << iota
	willProperties
	elsewhere // in packets that are not read here
)

// kind is the data type of a property's value. [MQTT5 2.2.2.2]
type kind byte

const (
	kindBool kind = iota // a byte that is 0 or 1
	kindUint16
	kindUint32
	kindText
	kindTopic
	kindBinary
	kindPair
)

// property is what the specification says of one property.
type property struct {
	place    place
	kind     kind
	nonzero  bool // zero is a Protocol Error
	multiple bool // it may stand more than once
	twice    rule
	value    rule
	topicRules
}

// newProperty describes a property; section is where the specification treats it.
func newProperty(name, section string, p place, k kind) property {
	cite := only5("[MQTT5 " + section + "]")
	t := newTopic(name, cite)
	return property{place: p, kind: k, topicRules: t,
		twice: notAllowed(name, "more than once", cite),
		value: notAllowed(name, "neither 0 nor 1", cite)}
}

// nonzeroProperty describes a number that must not be zero.
func nonzeroProperty(name, section string, p place, k kind) property {
	prop := newProperty(name, section, p, k)
	prop.nonzero = true
	prop.value = notAllowed(name, "zero", only5("[MQTT5 "+section+"]"))
	return prop
}

// userProperty describes the property that may come again and again, a pair of strings.
func userProperty() property {
	const name = "user property"
	prop := newProperty(name, "3.1.2.11.8", connectProperties|willProperties, kindPair)
	prop.multiple = true
	prop.utf8 = malformed(name, "not valid UTF-8", only5("[MQTT5 1.5.7-1]"))
	prop.null = malformed(name, "contains U+0000", only5("[MQTT5 1.5.7-1]"))
	return prop
}

// maxProperty is the largest identifier that MQTT 5.0 knows.
const maxProperty = 0x2A

// properties describes the properties by identifier; an entry without a place is unknown.
var properties = [maxProperty + 1]property{
	propPayloadFormatIndicator:     newProperty("payload format indicator", "3.1.3.2.3", willProperties, kindBool),
	propMessageExpiryInterval:      newProperty("message expiry interval", "3.1.3.2.4", willProperties, kindUint32),
	propContentType:                newProperty("content type", "3.1.3.2.5", willProperties, kindText),
	propResponseTopic:              newProperty("response topic", "3.1.3.2.6", willProperties, kindTopic),
	propCorrelationData:            newProperty("correlation data", "3.1.3.2.7", willProperties, kindBinary),
	propSessionExpiryInterval:      newProperty("session expiry interval", "3.1.2.11.2", connectProperties, kindUint32),
	propAuthenticationMethod:       newProperty("authentication method", "3.1.2.11.9", connectProperties, kindText),
	propAuthenticationData:         newProperty("authentication data", "3.1.2.11.10", connectProperties, kindBinary),
	propRequestProblemInformation:  newProperty("request problem information", "3.1.2.11.7", connectProperties, kindBool),
	propWillDelayInterval:          newProperty("will delay interval", "3.1.3.2.2", willProperties, kindUint32),
	propRequestResponseInformation: newProperty("request response information", "3.1.2.11.6", connectProperties, kindBool),
	propReceiveMaximum:             nonzeroProperty("receive maximum", "3.1.2.11.3", connectProperties, kindUint16),
	propTopicAliasMaximum:          newProperty("topic alias maximum", "3.1.2.11.5", connectProperties, kindUint16),
	propUserProperty:               userProperty(),
	propMaximumPacketSize:          nonzeroProperty("maximum packet size", "3.1.2.11.4", connectProperties, kindUint32),

	// Known to MQTT 5.0, in other packets: subscription identifier, assigned client
	// identifier, server keep alive, response information, server reference, reason string,
	// topic alias, maximum QoS, retain available, and the three "available" of SUBSCRIBE.
	0x0B: {place: elsewhere}, 0x12: {place: elsewhere}, 0x13: {place: elsewhere},
	0x1A: {place: elsewhere}, 0x1C: {place: elsewhere}, propReasonString: {place: elsewhere},
	0x23: {place: elsewhere}, 0x24: {place: elsewhere}, 0x25: {place: elsewhere},
	0x28: {place: elsewhere}, 0x29: {place: elsewhere}, 0x2A: {place: elsewhere},
}

// dataWithoutMethod is the one rule that binds two properties.
var dataWithoutMethod = notAllowed("authentication data", "without an authentication method", only5("[MQTT5 3.1.2.11.10]"))

// parseProperties takes a set of properties with its length off rest, checks each, puts
// what matters here into c, and returns the set raw.
func parseProperties(rest *cursor, section *sectionRules, where place, c *Connect) ([]byte, error) {
	size, n := varint(*rest)
	switch {
	case n == 0:
		return nil, section.missing.in(V5)
	case n > maxLengthBytes || n > varintSize(size):
		return nil, section.notMinimal.in(V5)
	}
	*rest = (*rest)[n:]
	raw, ok := rest.take(size)
	if !ok {
		return nil, section.tooLong.in(V5)
	}
	var seen uint64 // a bit for each identifier
	for set := cursor(raw); len(set) > 0; {
		id, err := parseIdentifier(&set, section, where)
		if err != nil {
			return nil, err
		}
		p := &properties[id]
		if seen&(1<<id) != 0 && !p.multiple {
			return nil, p.twice.in(V5)
		}
		seen |= 1 << id
		if err := p.parse(&set, id, c); err != nil {
			return nil, err
		}
	}
	if seen&(1<<propAuthenticationData) != 0 && seen&(1<<propAuthenticationMethod) == 0 {
		return nil, dataWithoutMethod.in(V5)
	}
	return raw, nil
}

// parseIdentifier takes the identifier of a property that may stand there.
func parseIdentifier(set *cursor, section *sectionRules, where place) (int, error) {
	id, n := varint(*set)
	if n == 0 || n > maxLengthBytes || n > varintSize(id) {
		return 0, section.identifier.in(V5)
	}
	if id > maxProperty || properties[id].place == 0 {
		return 0, section.unknown.in(V5)
	}
	if properties[id].place&where == 0 {
		return 0, section.misplaced.in(V5)
	}
	*set = (*set)[n:]
	return id, nil
}

// parse takes a property's value and checks it.
func (p *property) parse(set *cursor, id int, c *Connect) error {
	switch p.kind {
	case kindText:
		s, err := set.text(V5, &p.textRules)
		if id == propAuthenticationMethod && err == nil {
			c.HasAuthenticationMethod, c.AuthenticationMethod = true, s
		}
		return err
	case kindTopic:
		_, err := set.topic(V5, &p.topicRules)
		return err
	case kindPair:
		if _, err := set.text(V5, &p.textRules); err != nil {
			return err
		}
		_, err := set.text(V5, &p.textRules)
		return err
	case kindBinary:
		if _, ok := set.field(); !ok {
			return p.missing.in(V5)
		}
		return nil
	}
	return p.parseNumber(set, id, c)
}

// parseNumber takes a value of one, two or four bytes.
func (p *property) parseNumber(set *cursor, id int, c *Connect) error {
	var value uint32
	var ok bool
	switch p.kind {
	case kindBool:
		var b byte
		b, ok = set.byte()
		value = uint32(b)
	case kindUint16:
		var u uint16
		u, ok = set.uint16()
		value = uint32(u)
	default:
		value, ok = set.uint32()
	}
	switch {
	case !ok:
		return p.missing.in(V5)
	case p.kind == kindBool && value > 1, p.nonzero && value == 0:
		return p.value.in(V5)
	}
	switch id {
	case propMaximumPacketSize:
		c.MaximumPacketSize = value
	case propRequestProblemInformation:
		c.RequestProblemInformation = value == 1
	}
	return nil
}
