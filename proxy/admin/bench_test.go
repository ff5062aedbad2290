package admin

import (
	"fmt"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/upstream"
)

// BenchmarkConnect is all that is told of a client from its accept to its end, by as many
// goroutines as there are processors.
func BenchmarkConnect(b *testing.B) {
	r := NewRecorder([]string{"mqtt"})
	r.BeginStage(auth.StageBuiltin)
	r.BeginStage(auth.StageJWT)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			r.Accepted("mqtt")
			r.Judged(auth.StageBuiltin, auth.Ignore, auth.None, time.Microsecond)
			r.Judged(auth.StageJWT, auth.Accept, auth.None, time.Microsecond)
			r.Dialled(time.Microsecond, upstream.Reached)
			r.Connected("mqtt", packets.V5)
			r.BrokerAnswered(packets.Success, true)
			r.Closed("mqtt", "client_closed")
		}
	})
}

// BenchmarkRefusal is the same of a client that is refused.
func BenchmarkRefusal(b *testing.B) {
	r := NewRecorder([]string{"mqtt"})
	r.BeginStage(auth.StageBuiltin)
	r.BeginStage(auth.StageJWT)
	refusal := refusalOf(1, time.Now(), auth.BadPassword)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			r.Accepted("mqtt")
			r.Judged(auth.StageBuiltin, auth.Deny, auth.BadPassword, time.Microsecond)
			r.Refused(refusal)
			r.Answered(packets.V5, packets.NotAuthorized)
			r.Closed("mqtt", "bad_password")
		}
	})
	if _, total := r.refusals.lately(""); total == 0 {
		b.Fatal("no refusal was kept")
	}
}

// BenchmarkUnheard is that of a connection that ends before its CONNECT, where none are alike.
func BenchmarkUnheard(b *testing.B) {
	r := NewRecorder([]string{"mqtt"})
	var strangers [4 * lastUnheard]proxy.Unheard
	for i := range strangers {
		strangers[i] = unheardOf(i, fmt.Sprintf("2001:db8::%x", i))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Unheard(strangers[i%len(strangers)])
	}
}

// BenchmarkScrape is a scrape of a server with two listeners.
func BenchmarkScrape(b *testing.B) {
	r := NewRecorder([]string{"mqtt", "mqtts"})
	r.BeginStage(auth.StageBuiltin)
	r.BeginStage(auth.StageJWT)
	s := New(Options{Recorder: r, State: full, NotReady: func() []string { return nil }})
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(get(s, "/metrics", nil).Body.Len()))
	}
}

// What is told of a session allocates nothing.
func TestRecordingAllocatesNothing(t *testing.T) {
	r := NewRecorder([]string{"mqtt"})
	r.BeginStage(auth.StageBuiltin)
	r.BeginStage(auth.StageJWT)
	refusal := proxy.Refusal{Time: time.Now(), Listener: "mqtt", Reason: auth.BadPassword}
	for name, f := range map[string]func(){
		"accepted":  func() { r.Accepted("mqtt") },
		"judged":    func() { r.Judged(auth.StageJWT, auth.Accept, auth.None, time.Microsecond) },
		"dialled":   func() { r.Dialled(time.Microsecond, upstream.Reached) },
		"connected": func() { r.Connected("mqtt", packets.V5) },
		"connack":   func() { r.BrokerAnswered(packets.Success, true) },
		"refused":   func() { r.Refused(refusal) },
		"unheard":   func() { r.Unheard(proxy.Unheard{Listener: "mqtt", Reason: "no_connect"}) },
		"answered":  func() { r.Answered(packets.V5, packets.NotAuthorized) },
		"closed":    func() { r.Closed("mqtt", "client_closed") },
	} {
		f()
		if n := testing.AllocsPerRun(100, f); n > 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}
