package admin

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"mqttward/auth"
	"mqttward/proxy"
)

// listenerCounts are what is counted of a listener's connections. To find them by their labels
// each time would cost as much as all of the rest, and a lock.
type listenerCounts struct {
	active   atomic.Int64
	accepted prometheus.Counter
	closed   map[string]prometheus.Counter // by reason
	joined   [numVersions]prometheus.Counter
	refused  [numVersions][]prometheus.Counter // by auth.Reason
}

func (r *Recorder) newListenerCounts(name string) *listenerCounts {
	c := &listenerCounts{accepted: r.connections.WithLabelValues(name), closed: map[string]prometheus.Counter{}}
	for _, reason := range proxy.CloseReasons() {
		c.closed[reason] = r.closed.WithLabelValues(name, reason)
	}
	for i, v := range versions {
		c.joined[i] = r.connects.WithLabelValues(name, v.String(), resultAccepted)
		c.refused[i] = byReason(auth.Reasons(), func(reason auth.Reason) prometheus.Counter {
			return r.connects.WithLabelValues(name, v.String(), reason.String())
		})
	}
	return c
}

// stageCounts are what is counted of a stage's verdicts.
type stageCounts struct {
	took            prometheus.Observer
	accepts, passes prometheus.Counter
	denies          []prometheus.Counter // by auth.Reason; nil for one that the stage is not known to have
}

func (r *Recorder) newStageCounts(name string) *stageCounts {
	return &stageCounts{
		took:    r.judging.WithLabelValues(name),
		accepts: r.judged.WithLabelValues(name, auth.Accept.String(), auth.None.String()),
		passes:  r.judged.WithLabelValues(name, auth.Ignore.String(), auth.None.String()),
		denies: byReason(auth.StageReasons(name), func(reason auth.Reason) prometheus.Counter {
			return r.judged.WithLabelValues(name, auth.Deny.String(), reason.String())
		}),
	}
}

// byReason makes a counter for each of some reasons, found by its number.
func byReason(reasons []auth.Reason, counter func(auth.Reason) prometheus.Counter) []prometheus.Counter {
	all := make([]prometheus.Counter, len(auth.Reasons())+1)
	for _, reason := range reasons {
		all[reason] = counter(reason)
	}
	return all
}
