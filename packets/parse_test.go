package packets

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func vectorFrame(t testing.TB, name string) []byte {
	t.Helper()
	for _, v := range loadVectors(t) {
		if v.name == name {
			return v.frame
		}
	}
	t.Fatalf("no vector %q", name)
	return nil
}

func TestParseConnectFillsInEveryField(t *testing.T) {
	var c Connect
	if err := ParseConnect(vectorFrame(t, "v5-ok-everything"), &c); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%d %v %v %d %q | %v %d %v %d %q %q | %v %q %v %q | %d %d %v %v %q",
		c.Version, c.Bridge, c.CleanStart, c.KeepAlive, c.ClientID,
		c.Will, c.WillQoS, c.WillRetain, len(c.WillProperties), c.WillTopic, c.WillPayload,
		c.HasUserName, c.UserName, c.HasPassword, c.Password,
		len(c.Properties), c.MaximumPacketSize, c.RequestProblemInformation,
		c.HasAuthenticationMethod, c.AuthenticationMethod)
	want := `5 true true 60 "dev-1" | true 2 true 36 "w/t" "gone" | true "anyone" true "secret" | 29 1024 false true "a"`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestParseConnectForgetsTheLastPacket(t *testing.T) {
	var c Connect
	for _, name := range []string{"v5-ok-everything", "v311-ok-flags-none"} {
		if err := ParseConnect(vectorFrame(t, name), &c); err != nil {
			t.Fatal(err)
		}
	}
	if c.Will || c.HasPassword || c.HasAuthenticationMethod || c.MaximumPacketSize != 0 || !c.RequestProblemInformation {
		t.Errorf("got fields of the packet before: %+v", c)
	}
}

// What a session needs to answer is there after a fault too.
func TestParseConnectKeepsWhatItReadBeforeAFault(t *testing.T) {
	frame := []byte("\x10\x14\x00\x04MQTT\x05\x02\x00\x3c\x05\x27\x00\x00\x00\x20\x00\x02\xff\xff")
	frame[1] = byte(len(frame) - 2)
	var c Connect
	if err := ParseConnect(frame, &c); !errors.Is(err, ErrMalformed) {
		t.Fatalf("got error %v, want %v", err, ErrMalformed)
	}
	if c.Version != V5 || c.MaximumPacketSize != 32 || !c.RequestProblemInformation {
		t.Errorf("got version %v, maximum packet size %d, want 5.0, 32", c.Version, c.MaximumPacketSize)
	}
}

func TestParseConnectSlicesCanNotGrowIntoTheFrame(t *testing.T) {
	frame := bytes.Clone(vectorFrame(t, "v5-ok-everything"))
	want := bytes.Clone(frame)
	var c Connect
	if err := ParseConnect(frame, &c); err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{c.ClientID, c.WillTopic, c.WillPayload, c.WillProperties, c.UserName, c.Properties, c.AuthenticationMethod} {
		_ = append(b, "overwritten"...)
	}
	if !bytes.Equal(frame, want) {
		t.Errorf("appending to a field changed the frame: got % x, want % x", frame, want)
	}
}

func TestParseConnectAllocatesNothing(t *testing.T) {
	for _, v := range loadVectors(t) {
		var c Connect
		if got := testing.AllocsPerRun(5, func() { _ = ParseConnect(v.frame, &c) }); got != 0 {
			t.Errorf("%s: got %v allocations, want 0", v.name, got)
		}
	}
}

// printed is c in every way that somebody might print it.
func printed(c Connect) string {
	var s strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%c", "%U", "%t"} {
		fmt.Fprintf(&s, verb+" "+verb+" "+verb+"\n", c, &c, []any{struct{ C *Connect }{&c}, []Connect{c}})
	}
	fmt.Fprintln(&s, c.String(), &c)
	b, err := json.Marshal(map[string]any{"value": c, "pointer": &c})
	fmt.Fprintln(&s, string(b), err)
	return s.String()
}

func TestNothingPrintedHoldsWhatTheClientSent(t *testing.T) {
	secret := []byte("hunter2hunter2")
	c := Connect{Version: V5, HasUserName: true, HasPassword: true, Will: true,
		ClientID: secret, UserName: secret, Password: secret, WillTopic: secret, WillPayload: secret,
		WillProperties: secret, Properties: secret, AuthenticationMethod: secret}
	c.Properties = append([]byte{}, secret...)
	blank := c
	for _, f := range []*[]byte{&blank.ClientID, &blank.UserName, &blank.Password, &blank.WillTopic,
		&blank.WillPayload, &blank.WillProperties, &blank.Properties, &blank.AuthenticationMethod} {
		*f = make([]byte, len(secret))
	}
	got := printed(c)
	if strings.Contains(got, "hunter2") || strings.Contains(got, fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("the secret shows in:\n%s", got)
	}
	if !strings.Contains(got, "CONNECT 5.0, client id of 14 bytes, user name, password") {
		t.Errorf("got %s, want the packet's shape", got)
	}
}
