// Command net-http is the bench's client over net/http, on one connection, with
// HTTP/1.1 or HTTP/2.
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"github.com/curlpipe/curlpipe/harness/clients/bench/client/clientmain"
)

func main() { clientmain.Main(connect) }

type getter struct {
	transport *http.Transport
	url       string
	major     int
}

func connect(a clientmain.Arguments) (clientmain.Getter, error) {
	transport := &http.Transport{
		MaxConnsPerHost: 1, MaxIdleConnsPerHost: 1, DisableCompression: true,
		Protocols: new(http.Protocols),
	}
	if a.HTTP == 2 {
		// All requests on one connection, however many it accepts at a time.
		transport.HTTP2 = &http.HTTP2Config{StrictMaxConcurrentRequests: true}
		transport.MaxConnsPerHost = 0
		transport.Protocols.SetHTTP2(true)
		transport.Protocols.SetUnencryptedHTTP2(true)
	} else {
		transport.Protocols.SetHTTP1(true)
	}
	if strings.HasPrefix(a.URL, "https:") {
		roots, err := clientmain.Roots(a.CAFile)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return &getter{transport: transport, url: a.URL, major: a.HTTP}, nil
}

// NewWorker reuses one request, and one buffer for all bodies.
func (g *getter) NewWorker(check func(int, []byte) error) func() error {
	var body bytes.Buffer
	request, err := http.NewRequest(http.MethodGet, g.url, nil)
	return func() error {
		if err != nil {
			return err
		}
		response, err := g.transport.RoundTrip(request)
		if err != nil {
			return fmt.Errorf("GET %s: %w", g.url, err)
		}
		body.Reset()
		_, err = body.ReadFrom(response.Body)
		_ = response.Body.Close() // an error was reported by the read
		if err != nil {
			return fmt.Errorf("GET %s: body: %w", g.url, err)
		}
		if response.ProtoMajor != g.major {
			return fmt.Errorf("GET %s: answered with %s, asked for HTTP/%d", g.url, response.Proto, g.major)
		}
		return check(response.StatusCode, body.Bytes())
	}
}

func (g *getter) Library() string { return "net/http of " + runtime.Version() }

func (g *getter) Close() { g.transport.CloseIdleConnections() }
