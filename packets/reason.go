package packets

import "fmt"

// ReasonCode is the one-byte result in CONNACK and DISCONNECT. Codes below 0x80 are the
// return codes of MQTT 3.1 and 3.1.1 (and Success of 5.0), the others are those of MQTT 5.0.
type ReasonCode byte

// The return codes of a CONNACK in MQTT 3.1 and 3.1.1. [MQTT311 3.2.2.3]
const (
	ConnackAccepted                    ReasonCode = 0x00
	ConnackUnacceptableProtocolVersion ReasonCode = 0x01
	ConnackIdentifierRejected          ReasonCode = 0x02
	ConnackServerUnavailable           ReasonCode = 0x03
	ConnackBadUserNameOrPassword       ReasonCode = 0x04
	ConnackNotAuthorized               ReasonCode = 0x05
)

// The reason codes of CONNACK and of a DISCONNECT from the server in MQTT 5.0.
// [MQTT5 3.2.2.2], [MQTT5 3.14.2.1]
const (
	Success                             ReasonCode = 0x00
	UnspecifiedError                    ReasonCode = 0x80
	MalformedPacket                     ReasonCode = 0x81
	ProtocolError                       ReasonCode = 0x82
	ImplementationSpecificError         ReasonCode = 0x83
	UnsupportedProtocolVersion          ReasonCode = 0x84
	ClientIdentifierNotValid            ReasonCode = 0x85
	BadUserNameOrPassword               ReasonCode = 0x86
	NotAuthorized                       ReasonCode = 0x87
	ServerUnavailable                   ReasonCode = 0x88
	ServerBusy                          ReasonCode = 0x89
	Banned                              ReasonCode = 0x8A
	ServerShuttingDown                  ReasonCode = 0x8B // DISCONNECT only
	BadAuthenticationMethod             ReasonCode = 0x8C
	KeepAliveTimeout                    ReasonCode = 0x8D
	SessionTakenOver                    ReasonCode = 0x8E
	TopicFilterInvalid                  ReasonCode = 0x8F
	TopicNameInvalid                    ReasonCode = 0x90
	ReceiveMaximumExceeded              ReasonCode = 0x93
	TopicAliasInvalid                   ReasonCode = 0x94
	PacketTooLarge                      ReasonCode = 0x95
	MessageRateTooHigh                  ReasonCode = 0x96
	QuotaExceeded                       ReasonCode = 0x97
	AdministrativeAction                ReasonCode = 0x98
	PayloadFormatInvalid                ReasonCode = 0x99
	RetainNotSupported                  ReasonCode = 0x9A
	QoSNotSupported                     ReasonCode = 0x9B
	UseAnotherServer                    ReasonCode = 0x9C
	ServerMoved                         ReasonCode = 0x9D
	SharedSubscriptionsNotSupported     ReasonCode = 0x9E
	ConnectionRateExceeded              ReasonCode = 0x9F
	MaximumConnectTime                  ReasonCode = 0xA0
	SubscriptionIdentifiersNotSupported ReasonCode = 0xA1
	WildcardSubscriptionsNotSupported   ReasonCode = 0xA2
)

// reasonNames are the specifications' names of the codes, by value.
var reasonNames = [256]string{
	Success:                             "Success",
	ConnackUnacceptableProtocolVersion:  "Connection Refused, unacceptable protocol version",
	ConnackIdentifierRejected:           "Connection Refused, identifier rejected",
	ConnackServerUnavailable:            "Connection Refused, Server unavailable",
	ConnackBadUserNameOrPassword:        "Connection Refused, bad user name or password",
	ConnackNotAuthorized:                "Connection Refused, not authorized",
	UnspecifiedError:                    "Unspecified error",
	MalformedPacket:                     "Malformed Packet",
	ProtocolError:                       "Protocol Error",
	ImplementationSpecificError:         "Implementation specific error",
	UnsupportedProtocolVersion:          "Unsupported Protocol Version",
	ClientIdentifierNotValid:            "Client Identifier not valid",
	BadUserNameOrPassword:               "Bad User Name or Password",
	NotAuthorized:                       "Not authorized",
	ServerUnavailable:                   "Server unavailable",
	ServerBusy:                          "Server busy",
	Banned:                              "Banned",
	ServerShuttingDown:                  "Server shutting down",
	BadAuthenticationMethod:             "Bad authentication method",
	KeepAliveTimeout:                    "Keep Alive timeout",
	SessionTakenOver:                    "Session taken over",
	TopicFilterInvalid:                  "Topic Filter invalid",
	TopicNameInvalid:                    "Topic Name invalid",
	ReceiveMaximumExceeded:              "Receive Maximum exceeded",
	TopicAliasInvalid:                   "Topic Alias invalid",
	PacketTooLarge:                      "Packet too large",
	MessageRateTooHigh:                  "Message rate too high",
	QuotaExceeded:                       "Quota exceeded",
	AdministrativeAction:                "Administrative action",
	PayloadFormatInvalid:                "Payload format invalid",
	RetainNotSupported:                  "Retain not supported",
	QoSNotSupported:                     "QoS not supported",
	UseAnotherServer:                    "Use another server",
	ServerMoved:                         "Server moved",
	SharedSubscriptionsNotSupported:     "Shared Subscriptions not supported",
	ConnectionRateExceeded:              "Connection rate exceeded",
	MaximumConnectTime:                  "Maximum connect time",
	SubscriptionIdentifiersNotSupported: "Subscription Identifiers not supported",
	WildcardSubscriptionsNotSupported:   "Wildcard Subscriptions not supported",
}

// String returns the specification's name of the code, or its number where it has none.
// The codes 0x01 to 0x05 are named as in a CONNACK of MQTT 3.x; zero is "Success".
func (c ReasonCode) String() string {
	if name := reasonNames[c]; name != "" {
		return name
	}
	return fmt.Sprintf("reason code 0x%02x", byte(c))
}
