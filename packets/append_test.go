package packets

import (
	"bytes"
	"testing"
)

func TestAppendConnectRewritesOnlyCredentials(t *testing.T) {
	cases := []struct {
		name, frame, want string
		change            func(*Connect)
	}{
		{"3.1.1 stripped of its password",
			"\x10\x1a\x00\x04MQTT\x04\xc0\x00\x3c\x00\x01d\x00\x03bob\x00\x04pass",
			"\x10\x14\x00\x04MQTT\x04\x80\x00\x3c\x00\x01d\x00\x03bob",
			func(c *Connect) { c.HasPassword, c.Password = false, nil }},
		{"3.1.1 password left alone",
			"\x10\x1a\x00\x04MQTT\x04\xc0\x00\x3c\x00\x01d\x00\x03bob\x00\x04pass",
			"\x10\x15\x00\x04MQTT\x04\x40\x00\x3c\x00\x01d\x00\x04pass",
			func(c *Connect) { c.HasUserName, c.UserName = false, nil }},
		{"5.0 with will and properties gets credentials",
			"\x10\x20\x00\x04MQTT\x85\x2e\x00\x3c\x03\x21\x00\x14\x00\x01d\x05\x18\x00\x00\x00\x05\x00\x01w\x00\x01g",
			"\x10\x27\x00\x04MQTT\x85\xee\x00\x3c\x03\x21\x00\x14\x00\x01d\x05\x18\x00\x00\x00\x05\x00\x01w\x00\x01g\x00\x01u\x00\x02pw",
			func(c *Connect) {
				c.HasUserName, c.UserName = true, []byte("u")
				c.HasPassword, c.Password = true, []byte("pw")
			}},
		{"3.1 with missing strings gets a password alone",
			"\x10\x0f\x00\x06MQIsdp\x03\xc0\x00\x3c\x00\x01d",
			"\x10\x13\x00\x06MQIsdp\x03\x40\x00\x3c\x00\x01d\x00\x02pw",
			func(c *Connect) { c.HasPassword, c.Password = true, []byte("pw") }},
		{"3.1 with missing strings gets a user name",
			"\x10\x0f\x00\x06MQIsdp\x03\x80\x00\x3c\x00\x01d",
			"\x10\x12\x00\x06MQIsdp\x03\x80\x00\x3c\x00\x01d\x00\x01u",
			func(c *Connect) { c.HasUserName, c.UserName = true, []byte("u") }},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			frame := []byte(tc.frame)
			frame[1] = byte(len(frame) - 2)
			want := []byte(tc.want)
			want[1] = byte(len(want) - 2)
			var c Connect
			if err := ParseConnect(frame, &c); err != nil {
				t.Fatal(err)
			}
			tc.change(&c)
			if got := AppendConnect(nil, &c); !bytes.Equal(got, want) {
				t.Errorf("got  % x\nwant % x", got, want)
			}
		})
	}
}

func TestAppendConnectPanicsRatherThanCutAField(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Errorf("got no panic for a user name of 65536 bytes")
		}
	}()
	AppendConnect(nil, &Connect{Version: V311, HasUserName: true, UserName: make([]byte, MaxString+1)})
}

func TestAppendConnectAllocatesNothing(t *testing.T) {
	var c Connect
	if err := ParseConnect(vectorFrame(t, "v5-ok-everything"), &c); err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 0, 1024)
	if got := testing.AllocsPerRun(100, func() { dst = AppendConnect(dst[:0], &c) }); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

func TestValidString(t *testing.T) {
	for s, want := range map[string]bool{
		"": true, "anyone": true, "\u00e9\U0002a6d4": true, "\ufeff\u0001": true,
		"a\x00": false, "\xff": false, "\xed\xa0\x80": false,
		string(bytes.Repeat([]byte("a"), MaxString)): true, string(bytes.Repeat([]byte("a"), MaxString+1)): false,
	} {
		if got := ValidString([]byte(s)); got != want {
			t.Errorf("ValidString(%.20q of %d bytes): got %v, want %v", s, len(s), got, want)
		}
	}
}
