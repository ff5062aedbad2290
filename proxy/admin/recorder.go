package admin

import (
	"fmt"
	"sync"
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

// Recorder counts what it is told of, and keeps the last refusals and unheard connections. It outlives the
// configurations, so that no count begins anew with a reload. It is an observer of the chain, the
// server and the upstream, and safe for concurrent use.
type Recorder struct {
	registry *prometheus.Registry
	refusals *refusals
	spared   *refusals // that would have been
	unheard  *unheard
	// explained is when a verdict was explained last, in nanoseconds since began.
	explained atomic.Int64
	began     time.Time

	connections *prometheus.CounterVec   // listener
	closed      *prometheus.CounterVec   // listener, reason: proxy.CloseReasons
	connects    *prometheus.CounterVec   // listener, version: versions, result: "accepted" or a reason's word
	judged      *prometheus.CounterVec   // stage, verdict, reason: "none" unless denied
	judging     *prometheus.HistogramVec // stage
	connackSent *prometheus.CounterVec   // version, code: "0x05"
	connackGot  *prometheus.CounterVec   // code: "0x00", or "invalid" for what is no CONNACK
	dialling    prometheus.Histogram
	dialErrors  *prometheus.CounterVec // reason: upstream.Failures
	handshakes  *prometheus.CounterVec // result: proxy.HandshakeResults, resumed: "true" or "false"
	limits      *prometheus.CounterVec // limit: proxy.AllLimits
	wouldRefuse *prometheus.CounterVec // reason: auth.ChainReasons

	// What each connect counts is found without a lock: see counts.go.
	listening map[string]*listenerCounts
	stages    sync.Map // of *stageCounts, by name
	sent      [numVersions][256]prometheus.Counter
	success   prometheus.Counter
}

// The label values that are no other package's words.
const (
	resultAccepted = "accepted"
	codeInvalid    = "invalid"
	resumedTrue    = "true"
	resumedFalse   = "false"
)

// versions are the values of the label version; versionIndex is where one stands.
var versions = [numVersions]packets.Version{0, packets.V31, packets.V311, packets.V5}

const numVersions = 4

// versionIndex makes a closed set of whatever a client sends.
func versionIndex(v packets.Version) int {
	switch v {
	case packets.V31:
		return 1
	case packets.V311:
		return 2
	case packets.V5:
		return 3
	}
	return 0
}

// codes are the values of the label code, by code.
var codes = func() (words [256]string) {
	for i := range words {
		words[i] = fmt.Sprintf("0x%02x", i)
	}
	return words
}()

// NewRecorder returns a recorder of what comes in at the listeners, by their names.
func NewRecorder(listeners []string) *Recorder {
	r := &Recorder{registry: prometheus.NewRegistry(), refusals: newRefusals(), spared: newRefusals(), unheard: newUnheard(), began: time.Now().Add(-explainEvery), listening: map[string]*listenerCounts{}}
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
	r.wouldRefuse = r.counter("would_refuse_total", "Clients that the stages would have refused, and that were let through: a listener observes.", "reason")
	for _, l := range listeners {
		r.listening[l] = r.newListenerCounts(l)
	}
	r.begin()
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
func (r *Recorder) begin() {
	for i, v := range versions {
		for _, reason := range auth.Reasons() {
			if code, answered := (proxy.RefusalOptions{}).Code(reason, v); answered {
				r.sent[i][code] = r.connackSent.WithLabelValues(v.String(), codes[code])
			}
		}
	}
	r.success = r.connackGot.WithLabelValues(codes[packets.Success])
	for _, reason := range auth.ChainReasons() {
		r.wouldRefuse.WithLabelValues(reason.String())
	}
	for _, f := range upstream.Failures() {
		r.dialErrors.WithLabelValues(f.String())
	}
	for _, result := range proxy.HandshakeResults() {
		r.handshakes.WithLabelValues(result.String(), resumedFalse)
	}
	r.handshakes.WithLabelValues(proxy.HandshakeOK.String(), resumedTrue)
	for _, l := range proxy.AllLimits() {
		r.limits.WithLabelValues(l.String())
	}
}

// BeginStage makes the counts of a stage start at 0. It is called before the stage judges anybody;
// calling it again does nothing.
func (r *Recorder) BeginStage(stage string) {
	if _, known := r.stages.Load(stage); !known {
		r.stages.Store(stage, r.newStageCounts(stage))
	}
}
