package packets

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const plainConnect = "\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01d"

func TestReadConnectKeepsWhatFollows(t *testing.T) {
	stream := plainConnect + "\x82\x06\x00\x01\x00\x01a\x00" + "\xc0"
	for name, r := range map[string]io.Reader{
		"at once":         strings.NewReader(stream),
		"with EOF":        iotest.DataErrReader(strings.NewReader(stream)),
		"byte by byte":    iotest.OneByteReader(strings.NewReader(stream)),
		"in two segments": io.MultiReader(strings.NewReader(stream[:5]), strings.NewReader(stream[5:])),
	} {
		all, n, err := ReadConnect(r, make([]byte, 0, 512), 512)
		if err != nil || n != len(plainConnect) {
			t.Fatalf("%s: got %d, %v, want %d", name, n, err, len(plainConnect))
		}
		rest, _ := io.ReadAll(r)
		if got := string(all) + string(rest); got != stream {
			t.Errorf("%s: got %q and then %q, want all of %q", name, all, rest, stream)
		}
	}
}

// counted counts the bytes that were taken from it and the largest buffer offered.
type counted struct {
	io.Reader
	bytes, largest int
}

func (c *counted) Read(p []byte) (int, error) {
	c.largest = max(c.largest, len(p))
	n, err := c.Reader.Read(p)
	c.bytes += n
	return n, err
}

func TestReadConnectJudgesBeforeItWaits(t *testing.T) {
	cases := []struct {
		name, stream string
		reads        int // bytes after which the verdict must fall
		want         error
		text         string
	}{
		{"not a connect", "GET / HTTP/1.1\r\n", 1, ErrNotMQTT, "not a CONNECT"},
		{"publish", "\x30\x05\x00\x01a", 1, ErrNotMQTT, "not a CONNECT"},
		{"tls", "\x16\x03\x01\x02\x00\x01", 2, ErrNotMQTT, "looks like TLS"},
		{"declared 256 MiB", "\x10\xff\xff\xff\x7f\x00", 5, ErrTooLarge, "declares more"},
		{"one byte more than allowed", "\x10\xff\x07\x00", 3, ErrTooLarge, "declares more"},
		{"five bytes of length", "\x10\x80\x80\x80\x80\x01", 5, ErrMalformed, "more than four bytes"},
		{"over-long length", "\x10\x8d\x00\x00", 3, ErrMalformed, "more bytes than needed"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			r := &counted{Reader: iotest.OneByteReader(strings.NewReader(tc.stream))}
			all, n, err := ReadConnect(r, nil, 1025)
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) || n != 0 {
				t.Errorf("got %d, %v, want %v with %q", n, err, tc.want, tc.text)
			}
			if r.bytes != tc.reads || string(all) != tc.stream[:tc.reads] {
				t.Errorf("got %d bytes read and %q returned, want %d", r.bytes, all, tc.reads)
			}
		})
	}
}

func TestReadConnectAcceptsThePacketOfExactlyTheLimit(t *testing.T) {
	if _, n, err := ReadConnect(strings.NewReader(plainConnect), nil, len(plainConnect)); n != len(plainConnect) || err != nil {
		t.Errorf("got %d, %v, want %d", n, err, len(plainConnect))
	}
	if _, _, err := ReadConnect(strings.NewReader(plainConnect), nil, len(plainConnect)-1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want %v", err, ErrTooLarge)
	}
}

// Flags other than those of a TLS hello are ParseConnect's to judge, once it knows whom to
// tell.
func TestReadConnectLeavesHeaderFlagsToParseConnect(t *testing.T) {
	for _, first := range []byte{0x11, 0x16, 0x1f} {
		stream := append([]byte{first}, plainConnect[1:]...)
		if _, n, err := ReadConnect(bytes.NewReader(stream), nil, 100); n != len(stream) || err != nil {
			t.Errorf("first byte 0x%02x: got %d, %v, want %d", first, n, err, len(stream))
		}
	}
}

func TestReadConnectSaysHowFarItCame(t *testing.T) {
	broken := errors.New("broken")
	cases := []struct {
		name, stream string
		err, want    error
		text         string
	}{
		{"nothing", "", io.EOF, io.EOF, "read fixed header of connect: EOF"},
		{"one byte", "\x10", io.EOF, io.ErrUnexpectedEOF, "read fixed header of connect: unexpected EOF"},
		{"part", plainConnect[:9], io.EOF, io.ErrUnexpectedEOF, "read connect: 9 of 15 bytes: unexpected EOF"},
		{"reset", plainConnect[:9], broken, broken, "read connect: 9 of 15 bytes: broken"},
		{"reset at once", "", broken, broken, "read fixed header of connect: broken"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			all, n, err := ReadConnect(io.MultiReader(strings.NewReader(tc.stream), iotest.ErrReader(tc.err)), nil, 100)
			if !errors.Is(err, tc.want) || err.Error() != tc.text || n != 0 || string(all) != tc.stream {
				t.Errorf("got %q, %d, %v, want %q, 0, %s", all, n, err, tc.stream, tc.text)
			}
		})
	}
}

// silent is a reader that says nothing, for ever.
type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

func TestReadConnectGivesUpOnAReaderThatDoesNothing(t *testing.T) {
	if _, _, err := ReadConnect(silent{}, nil, 100); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v, want %v", err, io.ErrNoProgress)
	}
}

func TestReadConnectGrowsWithWhatArrived(t *testing.T) {
	frame := vectorFrame(t, "v311-ok-largest-fields")
	r := &counted{Reader: iotest.HalfReader(bytes.NewReader(frame))}
	buf := make([]byte, 0, 1024)
	all, n, err := ReadConnect(r, buf, maxVector)
	if err != nil || n != len(frame) || cap(all) != len(frame) {
		t.Fatalf("got %d bytes in a buffer of %d, %v, want %d", n, cap(all), err, len(frame))
	}
	// The client that declares much and sends little costs little.
	all, _, err = ReadConnect(bytes.NewReader(frame[:1500]), buf, maxVector)
	if !errors.Is(err, io.ErrUnexpectedEOF) || cap(all) != 2048 {
		t.Errorf("got a buffer of %d, %v, want 2048", cap(all), err)
	}
}

func TestReadConnectWipesWhatItGrowsOutOf(t *testing.T) {
	frame := vectorFrame(t, "v311-ok-captured-mosquitto-plain")
	buf := make([]byte, 0, 30)
	all, _, err := ReadConnect(bytes.NewReader(frame), buf, 1024)
	if err != nil || !bytes.Equal(all, frame) {
		t.Fatalf("got % x, %v, want % x", all, err, frame)
	}
	if got := buf[:cap(buf)]; !bytes.Equal(got, make([]byte, cap(buf))) {
		t.Errorf("the outgrown buffer holds % x, want zeros", got)
	}
}

func TestReadConnectAllocatesNothingInALargeEnoughBuffer(t *testing.T) {
	frame := vectorFrame(t, "v5-ok-everything")
	buf := make([]byte, 0, 512)
	r := bytes.NewReader(frame)
	got := testing.AllocsPerRun(100, func() {
		r.Reset(frame)
		if _, _, err := ReadConnect(r, buf, 512); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

func TestPacketSize(t *testing.T) {
	cases := []struct {
		in   string
		want int
		err  error
	}{
		{"", 0, nil}, {"\x10", 0, nil}, {"\x10\x80", 0, nil}, {"\x10\xff\xff\xff", 0, nil},
		{"\xc0\x00", 2, nil}, {"\x30\x7f", 129, nil}, {"\x30\x80\x01", 131, nil},
		{"\x30\xff\x7f", 3 + 16383, nil}, {"\x30\x80\x80\x01", 4 + 16384, nil},
		{"\x30\xff\xff\x7f", 4 + 2097151, nil}, {"\x30\x80\x80\x80\x01", 5 + 2097152, nil},
		{"\x30\xff\xff\xff\x7f", 5 + maxRemainingLength, nil},
		{"\x30\x80\x00", 0, errLengthNotMinimal}, {"\x30\xff\x80\x00", 0, errLengthNotMinimal},
		{"\x30\x80\x80\x80\x00", 0, errLengthNotMinimal},
		{"\x30\x80\x80\x80\x80", 0, errLengthTooLong}, {"\x30\xff\xff\xff\xff\x01", 0, errLengthTooLong},
	}
	for _, tc := range cases {
		if n, err := PacketSize([]byte(tc.in)); n != tc.want || err != tc.err {
			t.Errorf("PacketSize(% x): got %d, %v, want %d, %v", tc.in, n, err, tc.want, tc.err)
		}
	}
}
