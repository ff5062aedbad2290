package main

import "mqttward/packets"

// mosquittoVersion is what -V wants.
func mosquittoVersion(v packets.Version) string {
	switch v {
	case packets.V31:
		return "mqttv31"
	case packets.V311:
		return "mqttv311"
	default:
		return "mqttv5"
	}
}

// says is the first line that mosquitto_pub and mosquitto_sub 2.0 print, standard output and
// error together, and how they exit: with the code of the CONNACK. After a refusal
// mosquitto_pub adds a line that begins with "Error: " and says no more.
func (l line) says() (text string, exit int) {
	if l.Want.Code == packets.Success {
		if l.Act == subscribe {
			return welcome, 0
		}
		return "", 0
	}
	return refusedTexts[l.Want.Code], int(l.Want.Code)
}

// refusedTexts are mosquitto's words for the codes that occur here.
var refusedTexts = map[packets.ReasonCode]string{
	packets.ConnackBadUserNameOrPassword: "Connection error: Connection Refused: bad user name or password.",
	packets.ConnackNotAuthorized:         "Connection error: Connection Refused: not authorised.",
	packets.BadUserNameOrPassword:        "Connection error: Bad User Name or Password",
	packets.NotAuthorized:                "Connection error: Not authorized",
}
