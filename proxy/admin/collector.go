package admin

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// collector makes metrics of a state whenever somebody scrapes.
type collector struct {
	recorder *Recorder
	state    func() State

	info, active, bytes, up, upActive                 *prometheus.Desc
	keysFetched, keys, keyFetches, notAfter, reloaded *prometheus.Desc
	draining, bans, listDue                           *prometheus.Desc
}

// register adds what is true of a moment to the recorder's metrics, and the runtime's own.
func register(r *Recorder, state func() State) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
	}
	r.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&collector{
			recorder:    r,
			state:       state,
			info:        desc("build_info", "1, with the program's version and Go's.", "version", "goversion"),
			active:      desc("connections_active", "Connections that are open, those without a verdict included.", "listener"),
			bytes:       desc("bytes_total", "Bytes that sessions have carried, up to the broker and down to the clients.", "direction"),
			up:          desc("upstream_up", "1 where the last try to reach the address did not fail.", "address"),
			upActive:    desc("upstream_connections_active", "Sessions with the address.", "address"),
			keysFetched: desc("jwks_last_success_timestamp_seconds", "When the keys in force were fetched; 0 where none ever were."),
			keys:        desc("jwks_keys", "Usable keys of the key set."),
			keyFetches:  desc("jwks_fetch_total", "Fetches of the key set.", "result"),
			notAfter:    desc("tls_cert_not_after_timestamp_seconds", "When a certificate of ours expires.", "cert"),
			listDue:     desc("tls_crl_next_update_timestamp_seconds", "When a list of revoked client certificates is too old, and its clients are refused.", "listener"),
			reloaded:    desc("config_last_reload_successful", "1 unless the last reload changed nothing because of a fault."),
			bans:        desc("bans_active", "Addresses that are banned."),
			draining:    desc("draining", "1 while the process is ending."),
		},
	)
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range [...]*prometheus.Desc{
		c.info, c.active, c.bytes, c.up, c.upActive, c.keysFetched, c.keys, c.keyFetches, c.notAfter, c.listDue, c.reloaded, c.draining, c.bans,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	s := c.state()
	gauge(c.info, 1, s.Version, runtime.Version())
	for listener, counts := range c.recorder.listening {
		gauge(c.active, float64(counts.active.Load()), listener)
	}
	counter(c.bytes, s.Traffic.BytesUp, "up")
	counter(c.bytes, s.Traffic.BytesDown, "down")
	for address, n := range byAddress(s) {
		gauge(c.upActive, float64(n), address)
	}
	for _, u := range s.Upstreams {
		gauge(c.up, number(u.Up()), u.Address)
	}
	if k := s.KeySet; k != nil {
		fetched := 0.0
		if !k.Fetched.IsZero() {
			fetched = float64(k.Fetched.Unix())
		}
		gauge(c.keysFetched, fetched)
		gauge(c.keys, float64(k.Keys))
		for result, n := range k.Fetches {
			counter(c.keyFetches, n, result)
		}
	}
	for _, cert := range s.Certificates {
		gauge(c.notAfter, float64(cert.NotAfter.Unix()), cert.Name)
	}
	for listener, due := range s.RevocationLists {
		gauge(c.listDue, float64(due.Unix()), listener)
	}
	gauge(c.reloaded, number(!s.Reloads.LastFailed()))
	gauge(c.draining, number(s.Draining))
	gauge(c.bans, float64(s.Bans))
}

// byAddress counts the sessions of each address, those of the configuration and those that
// were in it when the session began.
func byAddress(s State) map[string]int {
	counts := map[string]int{}
	for _, u := range s.Upstreams {
		counts[u.Address] = 0
	}
	for _, sessions := range s.Traffic.Sessions {
		counts[sessions.Upstream] += sessions.Count
	}
	return counts
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
