package admin

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/upstream"
)

// namespace begins the name of every metric of ours.
const namespace = "mqttward"

// Recorder counts what it is told of, and keeps the last refusals. It outlives the
// configurations, so that no count begins anew with a reload. It is an observer of the chain, the
// server and the upstream, and safe for concurrent use.
type Recorder struct {
	registry *prometheus.Registry
	refusals *refusals
	active   map[string]*atomic.Int64 // connections, by listener

	connections    *prometheus.CounterVec   // listener
	closed         *prometheus.CounterVec   // listener, reason: proxy.CloseReasons
	connects       *prometheus.CounterVec   // listener, version: versions, result: "accepted" or a reason's word
	judged         *prometheus.CounterVec   // stage, verdict, reason: "none" unless denied
	judging        *prometheus.HistogramVec // stage
	connackSent    *prometheus.CounterVec   // version, code: "0x05"
	connackGot     *prometheus.CounterVec   // code: "0x00", or "invalid" for what is no CONNACK
	dialling       prometheus.Histogram
	dialErrors     *prometheus.CounterVec // reason: upstream.Failures
	handshakes     *prometheus.CounterVec // result: proxy.HandshakeResults, resumed: "true" or "false"
	limits         *prometheus.CounterVec // limit: proxy.AllLimits
	invalidConnack prometheus.Counter
}

// The label values that are no other package's words.
const (
	resultAccepted = "accepted"
	codeInvalid    = "invalid"
	versionUnknown = "unknown"
)

// versions are the values of the label version.
var versions = []packets.Version{0, packets.V31, packets.V311, packets.V5}

// codes are the values of the label code, by code.
var codes = func() (words [256]string) {
	for i := range words {
		words[i] = fmt.Sprintf("0x%02x", i)
	}
	return words
}()

// NewRecorder returns a recorder of what comes in at the listeners, by their names.
func NewRecorder(listeners []string) *Recorder {
	r := &Recorder{registry: prometheus.NewRegistry(), refusals: newRefusals(), active: map[string]*atomic.Int64{}}
	for _, l := range listeners {
		r.active[l] = &atomic.Int64{}
	}
	r.connections = r.counter("connections_total", "Connections that were accepted.", "listener")
	r.closed = r.counter("connections_closed_total", "Connections that are over, by why.", "listener", "reason")
	r.connects = r.counter("connects_total", "Clients that were let in or refused; the result is \"accepted\" or why not.", "listener", "version", "result")
	r.judged = r.counter("auth_total", "Verdicts of the authentication stages.", "stage", "verdict", "reason")
	r.judging = r.histogram("auth_duration_seconds", "Time that a stage took for a verdict, waiting included.", durations(10e-6), "stage")
	r.connackSent = r.counter("connack_sent_total", "Refusals that were sent, by their code.", "version", "code")
	r.connackGot = r.counter("upstream_connack_total", "Answers of the broker to a CONNECT, by their code.", "code")
	r.dialling = r.histogram("upstream_dial_duration_seconds", "Time that it took to reach an address of the broker.", durations(100e-6)).With(nil).(prometheus.Histogram)
	r.dialErrors = r.counter("upstream_dial_errors_total", "Tries to reach an address of the broker that failed.", "reason")
	r.handshakes = r.counter("tls_handshakes_total", "TLS handshakes of clients.", "result", "resumed")
	r.limits = r.counter("limits_hit_total", "Times that a limit was met.", "limit")
	r.invalidConnack = r.connackGot.WithLabelValues(codeInvalid)
	r.begin(listeners)
	return r
}

// durations are the bounds of a histogram of times: 1, 2.5 and 5 times the powers of ten from
// least to 10 s.
func durations(least float64) []float64 {
	var bounds []float64
	for b := least; b < 9; b *= 10 {
		bounds = append(bounds, b, 2.5*b, 5*b)
	}
	return append(bounds, 10)
}

func (r *Recorder) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	r.registry.MustRegister(c)
	return c
}

func (r *Recorder) histogram(name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: bounds}, labels)
	r.registry.MustRegister(h)
	return h
}

// begin makes every count start at 0: a first one is then seen to be an increase.
func (r *Recorder) begin(listeners []string) {
	for _, l := range listeners {
		r.connections.WithLabelValues(l)
		for _, reason := range proxy.CloseReasons() {
			r.closed.WithLabelValues(l, reason)
		}
		for _, v := range versions {
			r.connects.WithLabelValues(l, versionWord(v), resultAccepted)
			for _, reason := range auth.Reasons() {
				r.connects.WithLabelValues(l, versionWord(v), reason.String())
			}
		}
	}
	for _, v := range versions {
		for _, reason := range auth.Reasons() {
			if code, answered := (proxy.RefusalOptions{}).Code(reason, v); answered {
				r.connackSent.WithLabelValues(versionWord(v), codes[code])
			}
		}
	}
	r.connackGot.WithLabelValues(codes[packets.Success])
	for _, f := range upstream.Failures() {
		r.dialErrors.WithLabelValues(f.String())
	}
	for _, result := range proxy.HandshakeResults() {
		r.handshakes.WithLabelValues(result.String(), "false")
	}
	r.handshakes.WithLabelValues(proxy.HandshakeOK.String(), "true")
	for _, l := range proxy.AllLimits() {
		r.limits.WithLabelValues(l.String())
	}
}

// BeginStage makes the counts of a stage start at 0. Calling it again does nothing.
func (r *Recorder) BeginStage(stage string) {
	r.judging.WithLabelValues(stage)
	for _, d := range [...]auth.Decision{auth.Accept, auth.Ignore} {
		r.judged.WithLabelValues(stage, d.String(), auth.None.String())
	}
	for _, reason := range auth.StageReasons(stage) {
		r.judged.WithLabelValues(stage, auth.Deny.String(), reason.String())
	}
}

// versionWord is the label of a version: a closed set, whatever a client sends.
func versionWord(v packets.Version) string {
	switch v {
	case packets.V31, packets.V311, packets.V5:
		return v.String()
	}
	return versionUnknown
}

// Judged implements auth.Observer.
func (r *Recorder) Judged(stage string, d auth.Decision, reason auth.Reason, took time.Duration) {
	r.judged.WithLabelValues(stage, d.String(), reason.String()).Inc()
	r.judging.WithLabelValues(stage).Observe(took.Seconds())
}

// Dialled implements upstream.Observer.
func (r *Recorder) Dialled(took time.Duration, f upstream.Failure) {
	if f != upstream.Reached {
		r.dialErrors.WithLabelValues(f.String()).Inc()
		return
	}
	r.dialling.Observe(took.Seconds())
}

// Accepted implements proxy.Observer, as the methods below do.
func (r *Recorder) Accepted(listener string) {
	r.active[listener].Add(1)
	r.connections.WithLabelValues(listener).Inc()
}

// Secured implements proxy.Observer.
func (r *Recorder) Secured(result proxy.HandshakeResult, resumed bool) {
	word := "false"
	if resumed {
		word = "true"
	}
	r.handshakes.WithLabelValues(result.String(), word).Inc()
}

// Connected implements proxy.Observer.
func (r *Recorder) Connected(listener string, v packets.Version) {
	r.connects.WithLabelValues(listener, versionWord(v), resultAccepted).Inc()
}

// Refused implements proxy.Observer.
func (r *Recorder) Refused(refusal proxy.Refusal) {
	r.connects.WithLabelValues(refusal.Listener, versionWord(refusal.Version), refusal.Reason.String()).Inc()
	r.refusals.add(refusal)
}

// Answered implements proxy.Observer.
func (r *Recorder) Answered(v packets.Version, code packets.ReasonCode) {
	r.connackSent.WithLabelValues(versionWord(v), codes[code]).Inc()
}

// BrokerAnswered implements proxy.Observer.
func (r *Recorder) BrokerAnswered(code packets.ReasonCode, valid bool) {
	if !valid {
		r.invalidConnack.Inc()
		return
	}
	r.connackGot.WithLabelValues(codes[code]).Inc()
}

// Limited implements proxy.Observer.
func (r *Recorder) Limited(l proxy.Limit) { r.limits.WithLabelValues(l.String()).Inc() }

// Closed implements proxy.Observer.
func (r *Recorder) Closed(listener, reason string) {
	r.active[listener].Add(-1)
	r.closed.WithLabelValues(listener, reason).Inc()
}
