package admin

import (
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/upstream"
)

// Judged implements auth.Observer.
func (r *Recorder) Judged(stage string, d auth.Decision, reason auth.Reason, took time.Duration) {
	known, ok := r.stages.Load(stage)
	if !ok {
		return // BeginStage was not called: there is nothing of it to be seen
	}
	c := known.(*stageCounts)
	c.took.Observe(took.Seconds())
	switch {
	case d == auth.Accept:
		c.accepts.Inc()
	case d == auth.Ignore:
		c.passes.Inc()
	case c.denies[reason] != nil:
		c.denies[reason].Inc()
	default:
		r.judged.WithLabelValues(stage, d.String(), reason.String()).Inc()
	}
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
	c := r.listening[listener]
	c.active.Add(1)
	c.accepted.Inc()
}

// Secured implements proxy.Observer.
func (r *Recorder) Secured(result proxy.HandshakeResult, resumed bool) {
	word := resumedFalse
	if resumed {
		word = resumedTrue
	}
	r.handshakes.WithLabelValues(result.String(), word).Inc()
}

// Connected implements proxy.Observer.
func (r *Recorder) Connected(listener string, v packets.Version) {
	r.listening[listener].joined[versionIndex(v)].Inc()
}

// Refused implements proxy.Observer.
func (r *Recorder) Refused(refusal proxy.Refusal) {
	r.listening[refusal.Listener].refused[versionIndex(refusal.Version)][refusal.Reason].Inc()
	r.refusals.add(refusal)
}

// Unheard implements proxy.Observer.
func (r *Recorder) Unheard(u proxy.Unheard) { r.unheard.add(u) }

// explainEvery is how often a verdict is explained for the list of the last refusals: often enough
// that who tries something finds it there, and no cost in a storm.
const explainEvery = 100 * time.Millisecond

// WantsExplanation implements proxy.Observer.
func (r *Recorder) WantsExplanation() bool {
	now, last := int64(time.Since(r.began)), r.explained.Load()
	return now-last >= int64(explainEvery) && r.explained.CompareAndSwap(last, now)
}

// Spared implements proxy.Observer.
func (r *Recorder) Spared(refusal proxy.Refusal) {
	r.wouldRefuse.WithLabelValues(refusal.Reason.String()).Inc()
	r.spared.add(refusal)
}

// Answered implements proxy.Observer.
func (r *Recorder) Answered(v packets.Version, code packets.ReasonCode) {
	i := versionIndex(v)
	if c := r.sent[i][code]; c != nil {
		c.Inc()
		return
	}
	r.connackSent.WithLabelValues(versions[i].String(), codes[code]).Inc()
}

// BrokerAnswered implements proxy.Observer.
func (r *Recorder) BrokerAnswered(code packets.ReasonCode, valid bool) {
	switch {
	case !valid:
		r.connackGot.WithLabelValues(codeInvalid).Inc()
	case code == packets.Success:
		r.success.Inc()
	default:
		r.connackGot.WithLabelValues(codes[code]).Inc()
	}
}

// Limited implements proxy.Observer.
func (r *Recorder) Limited(l proxy.Limit) { r.limits.WithLabelValues(l.String()).Inc() }

// Closed implements proxy.Observer.
func (r *Recorder) Closed(listener, reason string) {
	c := r.listening[listener]
	c.active.Add(-1)
	if known := c.closed[reason]; known != nil {
		known.Inc()
		return
	}
	r.closed.WithLabelValues(listener, reason).Inc()
}
