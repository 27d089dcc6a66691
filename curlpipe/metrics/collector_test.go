package metrics

import (
	"reflect"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/curlpipe"
)

type fixed curlpipe.Stats

func (f fixed) Stats() curlpipe.Stats { return curlpipe.Stats(f) }

func TestCollector(t *testing.T) {
	collector := New(fixed{ConnectionsOpened: 3, ResetByServer: 2, Handshakes: 1, WantWrite: 7, InFlight: 5}, prometheus.Labels{"host": "a"})
	problems, err := testutil.CollectAndLint(collector)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.NoError(t, testutil.CollectAndCompare(collector, strings.NewReader(`
# HELP curlpipe_connections_closed_total Connections that ended, by who ended them.
# TYPE curlpipe_connections_closed_total counter
curlpipe_connections_closed_total{by="client",host="a"} 0
curlpipe_connections_closed_total{by="not_connected",host="a"} 0
curlpipe_connections_closed_total{by="reset",host="a"} 2
curlpipe_connections_closed_total{by="server",host="a"} 0
# HELP curlpipe_connections_opened_total Sockets opened to connect, successful or not.
# TYPE curlpipe_connections_opened_total counter
curlpipe_connections_opened_total{host="a"} 3
# HELP curlpipe_requests_in_flight Requests handed to libcurl and not ended.
# TYPE curlpipe_requests_in_flight gauge
curlpipe_requests_in_flight{host="a"} 5
`), "curlpipe_connections_closed_total", "curlpipe_connections_opened_total", "curlpipe_requests_in_flight"))
}

// TestEveryCounterIsCollected sets each field of Stats in turn and looks for a
// metric that shows it. ConnectionsClosed is the sum of others.
func TestEveryCounterIsCollected(t *testing.T) {
	kind := reflect.TypeFor[curlpipe.Stats]()
	for i := range kind.NumField() {
		name := kind.Field(i).Name
		if name == "Mode" || name == "ConnectionsClosed" {
			continue
		}
		var stats curlpipe.Stats
		switch field := reflect.ValueOf(&stats).Elem().Field(i); {
		case field.CanUint():
			field.SetUint(42)
		default:
			field.SetInt(42)
		}
		registry := prometheus.NewPedanticRegistry()
		require.NoError(t, registry.Register(New(fixed(stats), nil)))
		families, err := registry.Gather()
		require.NoError(t, err)
		shown := 0
		for _, family := range families {
			for _, m := range family.GetMetric() {
				if m.GetCounter().GetValue()+m.GetGauge().GetValue() == 42 {
					shown++
				}
			}
		}
		require.Equal(t, 1, shown, name)
	}
}
