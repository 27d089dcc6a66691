package metrics_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/curlpipe/curlpipe/curlpipe"
	"github.com/curlpipe/curlpipe/curlpipe/metrics"
)

// A program's metrics page shows the counters of a transport.
func Example() {
	transport := &curlpipe.Transport{}
	defer transport.Close()
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(transport, prometheus.Labels{"client": "orders"}))

	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	response, err := (&http.Client{Transport: transport}).Get(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	response.Body.Close()

	page := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(page.Body.String()) {
		if strings.HasPrefix(line, "curlpipe_requests_total") {
			fmt.Print(line)
		}
	}
	// Output: curlpipe_requests_total{client="orders"} 1
}
