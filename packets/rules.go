package packets

// rule is something that a CONNECT can break, with the error that tells it, by version. A
// version to which the rule does not apply has none. The errors exist before the packet
// does, so that refusing one allocates nothing.
type rule [3]*Error

// in returns the rule's error for a client of version v.
func (r *rule) in(v Version) error { return r[v-V31] }

// cites are the statements behind a rule for 3.1, 3.1.1 and 5.0; empty where the rule does
// not apply.
type cites [3]string

// only5 cites a rule of MQTT 5.0 alone.
func only5(statement string) cites { return cites{"", "", statement} }

func malformed(field, problem string, c cites) rule {
	return newRule(ErrMalformed, MalformedPacket, field, problem, c)
}

func notAllowed(field, problem string, c cites) rule {
	return newRule(ErrProtocol, ProtocolError, field, problem, c)
}

func newRule(category error, code ReasonCode, field, problem string, c cites) (r rule) {
	for i, statement := range c {
		if statement == "" {
			continue
		}
		r[i] = &Error{Code: code, Version: V31 + Version(i), Field: field, Problem: problem,
			Statement: statement, operation: opConnect, category: category}
	}
	return r
}

// textRules are the rules of a UTF-8 encoded string.
type textRules struct{ missing, utf8, null rule }

func newText(field string, missing cites) textRules {
	cite := func(c cites) cites {
		for i := range c {
			if missing[i] == "" {
				c[i] = ""
			}
		}
		return c
	}
	return textRules{
		missing: malformed(field, "ends early", missing),
		utf8: malformed(field, "not valid UTF-8",
			cite(cites{"[MQTT31 MQTT and UTF-8]", "[MQTT311 1.5.3-1]", "[MQTT5 1.5.4-1]"})),
		null: malformed(field, "contains U+0000",
			cite(cites{"[MQTT31 MQTT and UTF-8]", "[MQTT311 1.5.3-2]", "[MQTT5 1.5.4-2]"})),
	}
}

// topicRules are the rules of a string that is a Topic Name.
type topicRules struct {
	textRules
	empty, wildcard rule
}

func newTopic(field string, missing cites) topicRules {
	t := topicRules{
		textRules: newText(field, missing),
		empty:     notAllowed(field, "empty", only5("[MQTT5 4.7.3-1]")),
		wildcard:  notAllowed(field, "contains a wildcard", only5("[MQTT5 4.7.0-1]")),
	}
	if missing[0] != "" {
		t.empty = notAllowed(field, "empty",
			cites{"[MQTT31 Appendix A]", "[MQTT311 4.7.3-1]", "[MQTT5 4.7.3-1]"})
		t.wildcard = notAllowed(field, "contains a wildcard",
			cites{"[MQTT31 PUBLISH]", "[MQTT311 4.7.1-1]", "[MQTT5 4.7.0-1]"})
	}
	return t
}

// connectRules are the rules of CONNECT once its version is known, but for its properties.
type connectRules struct {
	headerFlags, noFlags, reserved     rule
	willQoS, willQoSUnused, willRetain rule
	noKeepAlive, willPayload, password rule
	properties, willProperties         sectionRules
	clientID, userName                 textRules
	willTopic                          topicRules
	trailing                           rule
}

var rules = connectRules{
	headerFlags: malformed("fixed header flags", "not zero",
		cites{"", "[MQTT311 2.2.2-2]", "[MQTT5 2.1.3-1]"}),
	noFlags: malformed("connect flags", "ends early",
		cites{"[MQTT31 CONNECT]", "[MQTT311 3.1.4-1]", "[MQTT5 3.1.4-1]"}),
	reserved: malformed("connect flags", "the reserved flag is set",
		cites{"", "[MQTT311 3.1.2-3]", "[MQTT5 3.1.2-3]"}),
	willQoS: malformed("will qos", "is 3",
		cites{"[MQTT31 CONNECT]", "[MQTT311 3.1.2-14]", "[MQTT5 3.1.2-12]"}),
	willQoSUnused: notAllowed("will qos", "set without a will",
		cites{"", "[MQTT311 3.1.2-13]", "[MQTT5 3.1.2-11]"}),
	willRetain: notAllowed("will retain", "set without a will",
		cites{"", "[MQTT311 3.1.2-15]", "[MQTT5 3.1.2-13]"}),
	noKeepAlive: malformed("keep alive", "ends early",
		cites{"[MQTT31 CONNECT]", "[MQTT311 3.1.4-1]", "[MQTT5 3.1.4-1]"}),
	properties:     newSection("properties", "[MQTT5 2.2.2-1]"),
	willProperties: newSection("will properties", "[MQTT5 3.1.2-9]"),
	clientID: newText("client identifier",
		cites{"[MQTT31 CONNECT]", "[MQTT311 3.1.3-3]", "[MQTT5 3.1.3-3]"}),
	willTopic: newTopic("will topic",
		cites{"[MQTT31 CONNECT]", "[MQTT311 3.1.2-9]", "[MQTT5 3.1.2-9]"}),
	willPayload: malformed("will payload", "ends early",
		cites{"[MQTT31 CONNECT]", "[MQTT311 3.1.2-9]", "[MQTT5 3.1.2-9]"}),
	userName: newText("user name",
		cites{"[MQTT31 CONNECT]", "[MQTT311 3.1.2-19]", "[MQTT5 3.1.2-17]"}),
	password: malformed("password", "ends early",
		cites{"[MQTT31 CONNECT]", "[MQTT311 3.1.2-21]", "[MQTT5 3.1.2-19]"}),
	trailing: malformed("payload", "goes on after the last field",
		cites{"[MQTT31 CONNECT]", "[MQTT311 3.1.4-1]", "[MQTT5 3.1.4-1]"}),
}

// sectionRules are the rules of a set of properties as a whole.
type sectionRules struct {
	missing, notMinimal, tooLong   rule // the property length
	identifier, unknown, misplaced rule
}

func newSection(field, missing string) sectionRules {
	return sectionRules{
		missing:    malformed(field, "the length ends early", only5(missing)),
		notMinimal: malformed(field, "the length is no variable byte integer", only5("[MQTT5 1.5.5-1]")),
		tooLong:    malformed(field, "longer than the packet", only5("[MQTT5 2.2.2.1]")),
		identifier: malformed(field, "an identifier is no variable byte integer", only5("[MQTT5 1.5.5-1]")),
		unknown:    malformed(field, "an unknown identifier", only5("[MQTT5 2.2.2.2]")),
		misplaced:  malformed(field, "an identifier that is not valid here", only5("[MQTT5 2.2.2.2]")),
	}
}
