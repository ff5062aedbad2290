package packets

import (
	"fmt"
	"strings"
	"testing"
)

func TestAppendConnack(t *testing.T) {
	cases := []struct {
		version Version
		code    ReasonCode
		reason  string
		want    string
	}{
		{V31, ConnackNotAuthorized, "", "20020005"},
		{V311, ConnackBadUserNameOrPassword, "never in 3.x", "20020004"},
		{0, ConnackUnacceptableProtocolVersion, "", "20020001"},
		{6, ConnackUnacceptableProtocolVersion, "", "20020001"},
		{V5, BadUserNameOrPassword, "", "2003008600"},
		{V5, NotAuthorized, "busy", "200a0087071f000462757379"},
		{V5, NotAuthorized, "not\xffutf8", "2003008700"},
		{V5, NotAuthorized, "nul\x00", "2003008700"},
		{V5, NotAuthorized, strings.Repeat("a", MaxString+1), "2003008700"},
		{V5, NotAuthorized, strings.Repeat("a", 125), "2084010087" + "8001" + "1f007d" + strings.Repeat("61", 125)},
	}
	for _, tc := range cases {
		got := fmt.Sprintf("%x", AppendConnack([]byte("x"), tc.version, tc.code, tc.reason))
		if got != "78"+tc.want {
			t.Errorf("AppendConnack(%v, %v, %.10q of %d bytes): got %.60s, want 78%.60s", tc.version, tc.code, tc.reason, len(tc.reason), got, tc.want)
		}
	}
}

func TestAppendConnackIsOnePacketThatScansBack(t *testing.T) {
	for _, v := range []Version{V31, V311, V5} {
		for _, reason := range []string{"", "bad_password", strings.Repeat("r", 20000)} {
			b := AppendConnack(nil, v, 0x85, reason)
			if n, err := PacketSize(b); n != len(b) || err != nil {
				t.Errorf("%v: PacketSize of CONNACK: got %d, %v, want %d", v, n, err, len(b))
			}
			var s ConnackScanner
			if !s.Feed(b) || s.Err() != nil || s.Code() != 0x85 {
				t.Errorf("%v: scanned: got code %v, error %v, want 0x85", v, s.Code(), s.Err())
			}
		}
	}
}

func TestAppendDisconnect(t *testing.T) {
	for code, want := range map[ReasonCode]string{ServerShuttingDown: "78e0028b00", MaximumConnectTime: "78e002a000"} {
		if got := fmt.Sprintf("%x", AppendDisconnect([]byte("x"), code)); got != want {
			t.Errorf("AppendDisconnect(%v): got %s, want %s", code, got, want)
		}
	}
}

func TestAnswersAllocateNothing(t *testing.T) {
	dst := make([]byte, 0, 256)
	reason := strings.Repeat("r", 100)
	got := testing.AllocsPerRun(100, func() {
		dst = AppendConnack(dst[:0], V5, NotAuthorized, reason)
		dst = AppendConnack(dst[:0], V311, ConnackNotAuthorized, "")
		dst = AppendDisconnect(dst[:0], ServerShuttingDown)
	})
	if got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

func TestReasonCodeNames(t *testing.T) {
	for code, want := range map[ReasonCode]string{
		Success:                  "Success",
		ConnackServerUnavailable: "Connection Refused, Server unavailable",
		BadUserNameOrPassword:    "Bad User Name or Password",
		BadAuthenticationMethod:  "Bad authentication method",
		MaximumConnectTime:       "Maximum connect time",
		0x06:                     "reason code 0x06",
		0xFF:                     "reason code 0xff",
	} {
		if got := code.String(); got != want {
			t.Errorf("ReasonCode(0x%02x): got %q, want %q", byte(code), got, want)
		}
	}
}

func TestVersionNames(t *testing.T) {
	for v, want := range map[Version]string{0: "unknown", V31: "3.1", V311: "3.1.1", V5: "5.0", 6: "level 6"} {
		if got := v.String(); got != want {
			t.Errorf("Version(%d): got %q, want %q", byte(v), got, want)
		}
	}
}
