// Package metrics exports a transport's counters to Prometheus.
//
// It is a module of its own, so a program that does not import it does not depend
// on Prometheus' client.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/curlpipe/curlpipe/curlpipe"
)

// Source is a *curlpipe.Transport or a *curlpipe.Client.
type Source interface {
	Stats() curlpipe.Stats
}

// Collector is a prometheus.Collector of one source. It is safe for concurrent
// use.
type Collector struct {
	source  Source
	metrics []metric
}

// metric is a number in Stats, with its name.
type metric struct {
	description *prometheus.Desc
	kind        prometheus.ValueType
	labels      []string
	value       func(*curlpipe.Stats) float64
}

// New returns a collector of a source. The labels are added to every metric, to
// tell several sources in one registry apart; they may be nil.
func New(source Source, labels prometheus.Labels) *Collector {
	c := &Collector{source: source}
	counter := func(name, help string, value func(*curlpipe.Stats) uint64) {
		c.add(name, help, labels, prometheus.CounterValue, func(s *curlpipe.Stats) float64 { return float64(value(s)) }, "", "")
	}
	gauge := func(name, help string, value func(*curlpipe.Stats) int64) {
		c.add(name, help, labels, prometheus.GaugeValue, func(s *curlpipe.Stats) float64 { return float64(value(s)) }, "", "")
	}
	kinds := func(name, help, label string, values map[string]func(*curlpipe.Stats) uint64) {
		for kind, value := range values {
			c.add(name, help, labels, prometheus.CounterValue, func(s *curlpipe.Stats) float64 { return float64(value(s)) }, label, kind)
		}
	}
	type stats = curlpipe.Stats
	counter("connections_opened_total", "Sockets opened to connect, successful or not.", func(s *stats) uint64 { return s.ConnectionsOpened })
	kinds("connections_closed_total", "Connections that ended, by who ended them.", "by", map[string]func(*stats) uint64{
		"client":        func(s *stats) uint64 { return s.ClosedByClient },
		"server":        func(s *stats) uint64 { return s.ClosedByServer },
		"reset":         func(s *stats) uint64 { return s.ResetByServer },
		"not_connected": func(s *stats) uint64 { return s.NotConnected },
	})
	counter("connections_given_up_total", "Connections closed because of an abandoned response or an unfinished upload.", func(s *stats) uint64 { return s.ConnectionsGivenUp })
	kinds("tls_handshakes_total", "TLS handshakes, by kind.", "kind", map[string]func(*stats) uint64{
		"full":          func(s *stats) uint64 { return s.Handshakes },
		"resumed":       func(s *stats) uint64 { return s.Resumptions },
		"renegotiation": func(s *stats) uint64 { return s.Renegotiations },
	})
	kinds("tls_blocked_total", "Times TLS was blocked, by what it waited for.", "want", map[string]func(*stats) uint64{
		"write": func(s *stats) uint64 { return s.WantWrite },
		"read":  func(s *stats) uint64 { return s.WantRead },
	})
	counter("sent_bytes_total", "Bytes of requests, before TLS.", func(s *stats) uint64 { return s.BytesSent })
	counter("received_bytes_total", "Bytes of responses, without TLS and transfer coding.", func(s *stats) uint64 { return s.BytesReceived })
	counter("requests_total", "Requests taken from callers.", func(s *stats) uint64 { return s.Requests })
	kinds("requests_ended_total", "Requests that ended for their caller, by how.", "how", map[string]func(*stats) uint64{
		"answered":  func(s *stats) uint64 { return s.Answered },
		"failed":    func(s *stats) uint64 { return s.Failed },
		"abandoned": func(s *stats) uint64 { return s.Abandoned },
	})
	counter("bodies_abandoned_total", "Bodies of responses closed before their end.", func(s *stats) uint64 { return s.BodiesAbandoned })
	counter("bodies_unread_total", "Bodies of responses that failed because their caller did not read them in time.", func(s *stats) uint64 { return s.BodiesUnread })
	counter("retries_total", "Requests sent again after their connection had ended.", func(s *stats) uint64 { return s.Retries })
	gauge("requests_in_flight", "Requests handed to libcurl and not ended.", func(s *stats) int64 { return s.InFlight })
	gauge("requests_queued", "Requests that wait for room on a connection.", func(s *stats) int64 { return s.Queued })
	gauge("easy_handles", "Easy handles of libcurl, in use or kept.", func(s *stats) int64 { return s.EasyHandles })
	return c
}

func (c *Collector) add(name, help string, constant prometheus.Labels, kind prometheus.ValueType, value func(*curlpipe.Stats) float64, label, labelValue string) {
	m := metric{kind: kind, value: value}
	var names []string
	if label != "" {
		names = []string{label}
		m.labels = []string{labelValue}
	}
	m.description = prometheus.NewDesc("curlpipe_"+name, help, names, constant)
	c.metrics = append(c.metrics, m)
}

// Describe sends the descriptions of all metrics.
func (c *Collector) Describe(into chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		into <- m.description
	}
}

// Collect reads the source's counters.
func (c *Collector) Collect(into chan<- prometheus.Metric) {
	stats := c.source.Stats()
	for _, m := range c.metrics {
		into <- prometheus.MustNewConstMetric(m.description, m.kind, m.value(&stats), m.labels...)
	}
}
