package packets

import (
	"bytes"
	"strconv"
	"testing"
)

func BenchmarkParseConnect(b *testing.B) {
	for _, name := range []string{
		"v31-ok-captured-mosquitto-plain", "v311-ok-captured-mosquitto-plain",
		"v5-ok-captured-mosquitto-plain", "v5-ok-everything",
		"v5-reserved-flag", "v5-trailing-byte",
	} {
		frame := vectorFrame(b, name)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(frame)))
			var c Connect
			for b.Loop() {
				_ = ParseConnect(frame, &c)
			}
		})
	}
}

func BenchmarkAppendConnect(b *testing.B) {
	var c Connect
	if err := ParseConnect(vectorFrame(b, "v5-ok-everything"), &c); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	dst := make([]byte, 0, 512)
	for b.Loop() {
		dst = AppendConnect(dst[:0], &c)
	}
}

func BenchmarkReadConnect(b *testing.B) {
	frame := vectorFrame(b, "v5-ok-everything")
	b.ReportAllocs()
	buf := make([]byte, 0, 512)
	r := bytes.NewReader(frame)
	for b.Loop() {
		r.Reset(frame)
		if _, _, err := ReadConnect(r, buf, 512); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendConnack(b *testing.B) {
	b.ReportAllocs()
	dst := make([]byte, 0, 64)
	for b.Loop() {
		dst = AppendConnack(dst[:0], V5, NotAuthorized, "bad_signature")
	}
}

func BenchmarkFramerAdvance(b *testing.B) {
	for _, body := range []int{12, 100, 1000, 16000} {
		packet := append(appendVarint([]byte{0x30}, body), make([]byte, body)...)
		stream := bytes.Repeat(packet, 64<<10/len(packet))
		b.Run(strconv.Itoa(body), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(stream)))
			var f Framer
			for b.Loop() {
				if last, err := f.Advance(stream); last != len(stream) || err != nil {
					b.Fatal(last, err)
				}
			}
		})
	}
}

func BenchmarkConnackScanner(b *testing.B) {
	connack := AppendConnack(nil, V5, Success, "")
	b.ReportAllocs()
	for b.Loop() {
		var s ConnackScanner
		s.Feed(connack)
	}
}
