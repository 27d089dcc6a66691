// Package subjecttest helps to test the subjects written in Go: an honest
// origin and a check of what a subject reports of it. Only tests import it.
package subjecttest

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/clients/subject/subjectmain"
)

// Origin answers each request with the body that its id and the query demand
// ("/x?body=700"), and keeps a request for /silent without an answer.
type Origin struct {
	*httptest.Server
	CAFile      string
	Connections atomic.Int64
	Requests    atomic.Int64
}

// NewOrigin starts an origin on loopback, over TLS or plain, that ends with the
// test.
func NewOrigin(t *testing.T, overTLS bool) *Origin {
	t.Helper()
	ended := make(chan struct{})
	o := &Origin{}
	o.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		id := request.Header.Get(plan.RequestIDField)
		o.Requests.Add(1)
		if request.URL.Path == "/silent" {
			<-ended
			return
		}
		size, _ := strconv.Atoi(request.URL.Query().Get("body"))
		writer.Header().Set(plan.RequestIDField, id)
		writer.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = writer.Write(plan.Body(id, size))
	}))
	o.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			o.Connections.Add(1)
		}
	}
	if overTLS {
		o.StartTLS()
		o.CAFile = filepath.Join(t.TempDir(), "ca.pem")
		certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.Certificate().Raw})
		require.NoError(t, os.WriteFile(o.CAFile, certificate, 0o600))
	} else {
		o.Start()
	}
	t.Cleanup(o.Close)
	t.Cleanup(func() { close(ended) })
	return o
}

// Plan is a plan of GETs for 700-byte bodies from this origin.
func (o *Origin) Plan(driver string, count int) *plan.Plan {
	p := &plan.Plan{
		URL: o.URL, CAFile: o.CAFile, Driver: driver,
		MaxHostConnections: 1, Pipelining: 1, MaxPipelineLength: count, StallLimitMS: 5000,
	}
	if o.CAFile != "" {
		p.TLS = plan.TLS12
	}
	for i := range count {
		id := "r" + strconv.Itoa(i)
		p.Requests = append(p.Requests, plan.Request{ID: id, Method: http.MethodGet, Path: "/" + id + "?body=700", HeaderBytes: 500})
	}
	return p
}

// RequireOwnResponses checks that each request got its own response, once.
func RequireOwnResponses(t *testing.T, results []plan.Result, count int) {
	t.Helper()
	require.Len(t, results, count)
	for i, result := range results {
		id := "r" + strconv.Itoa(i)
		require.Positive(t, result.QueuedNS)
		require.LessOrEqual(t, result.QueuedNS, subjectmain.Monotonic())
		result.QueuedNS = 0
		require.Equal(t, plan.Result{
			ID: id, Answered: true, Status: http.StatusOK, BodyID: id, BodyBytes: 700,
			BodyHash: plan.Hash(plan.Body(id, 700)), TimesCompleted: 1,
		}, result)
	}
}
