package builtin

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"mqttward/auth"
)

const million = 1_000_000

// millionFiles are files of a million users, by format.
var millionFiles = []struct {
	name string
	head string
	user string // with the number for the name
	end  string
	emqx EMQXOptions
}{
	{name: "mosquitto", user: "device-%07d:" + emptyPBKDF2 + "\n"},
	{name: "sha512", user: "device-%07d:" + emptySHA512 + "\n"},
	{name: "bcrypt", user: "device-%07d:" + emptyBcrypt + "\n"},
	{name: "emqx.csv", head: "user_id,password_hash,salt,is_superuser\n", user: "device-%07d," + goodHex + ",a1b2c3d4e5f60718a1b2c3d4e5f60718,false\n"},
	{name: "emqx.json", head: "[{}", user: ",\n{\"user_id\":\"device-%07d\",\"password_hash\":\"" + goodHex + "\",\"salt\":\"a1b2c3d4e5f60718a1b2c3d4e5f60718\",\"is_superuser\":false}", end: "]\n"},
}

// millionFile is the text of one, by its place in millionFiles.
func millionFile(i int) []byte {
	f := millionFiles[i]
	text := bytes.NewBuffer(make([]byte, 0, 220*million))
	text.WriteString(f.head)
	for n := range million {
		fmt.Fprintf(text, f.user, n)
	}
	text.WriteString(f.end)
	return text.Bytes()
}

func loadMillion(b *testing.B, text []byte, i int) *Directory {
	b.Helper()
	d, _, err := ReadFile(bytes.NewReader(text), "f", FileOptions{Lenient: true, EMQX: millionFiles[i].emqx})
	if err != nil || d.Len() != million {
		b.Fatalf("%v", err)
	}
	return d
}

// BenchmarkMillionLoad is the time to read a file of a million users, ready for use, and the
// memory that stays.
func BenchmarkMillionLoad(b *testing.B) {
	for i, f := range millionFiles {
		b.Run(f.name, func(b *testing.B) {
			text := millionFile(i)
			b.ReportAllocs()
			for b.Loop() {
				before := heap()
				b.StartTimer()
				d := loadMillion(b, text, i)
				s, err := New(Options{File: d, Workers: 1})
				b.StopTimer()
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(heap()-before)/million, "B/user")
				runtime.KeepAlive(s)
				s.Close()
				b.StartTimer()
			}
		})
	}
}

// BenchmarkMillionLookup is the time to find one of a million users, or that there is none.
func BenchmarkMillionLookup(b *testing.B) {
	d := loadMillion(b, millionFile(0), 0)
	for _, bc := range []struct{ name, format string }{{"known", "device-%07d"}, {"unknown", "Device-%07d"}} {
		names := make([][]byte, 1<<14) // spread over all of them, so that caches don't help much
		for i := range names {
			names[i] = fmt.Appendf(nil, bc.format, i*61)
		}
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, ok := d.lookup(names[i%len(names)]); ok != (bc.name == "known") {
					b.Fatal("found and lost")
				}
			}
		})
	}
}

// BenchmarkMillionReload loads a million users anew while clients are judged by the million before
// them: how long one waits at most, and all but one in a thousand, beside the same without a load.
func BenchmarkMillionReload(b *testing.B) {
	text := millionFile(1)
	var current atomic.Pointer[Stage]
	load := func() {
		s, err := New(Options{File: loadMillion(b, text, 1), Before: current.Load(), Workers: 1})
		if err != nil {
			b.Fatal(err)
		}
		current.Store(s)
	}
	load()
	c := credentials("device-0123456", "wrong")
	// judge judges until done is closed, one client each millisecond, and returns the waits.
	judge := func(done <-chan struct{}) (waits []time.Duration) {
		for tick := time.Tick(time.Millisecond); ; {
			select {
			case <-done:
				slices.Sort(waits)
				return waits
			case at := <-tick: // late ticks count as waits
				if v := current.Load().Authenticate(context.Background(), c); v.Decision != auth.Deny {
					b.Error(v.Decision)
				}
				waits = append(waits, time.Since(at))
			}
		}
	}
	report := func(name string, waits []time.Duration) {
		b.ReportMetric(float64(waits[len(waits)*999/1000].Microseconds()), name+"-p99.9-µs")
		b.ReportMetric(float64(waits[len(waits)-1].Microseconds()), name+"-max-µs")
	}
	var idle, busy []time.Duration
	for b.Loop() {
		b.StopTimer()
		quiet := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(quiet) })
		idle = append(idle, judge(quiet)...)
		b.StartTimer()
		loaded := make(chan struct{})
		go func() {
			defer close(loaded)
			load()
		}()
		busy = append(busy, judge(loaded)...)
	}
	slices.Sort(idle)
	slices.Sort(busy)
	report("idle", idle)
	report("reload", busy)
}

// BenchmarkMillionMarks is what a reload that revokes adds, for a file of a million users: the time to
// collect their marks, and of one client's on its way in.
func BenchmarkMillionMarks(b *testing.B) {
	s, err := New(Options{File: loadMillion(b, millionFile(0), 0), Marker: auth.NewMarker()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Marks()
		}
	})
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.mark([]byte("device-0777777"))
		}
	})
}
