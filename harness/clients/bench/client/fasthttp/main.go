// Command fasthttp is the bench's client over fasthttp.PipelineClient.
package main

import (
	"crypto/tls"
	"fmt"
	"net/url"

	"github.com/valyala/fasthttp"

	"github.com/curlpipe/curlpipe/harness/clients/bench/client/clientmain"
)

func main() { clientmain.Main(connect) }

type getter struct {
	client *fasthttp.PipelineClient
	url    string
}

func connect(a clientmain.Arguments) (clientmain.Getter, error) {
	target, err := url.Parse(a.URL)
	if err != nil {
		return nil, err
	}
	if a.HTTP != 1 {
		return nil, fmt.Errorf("%w: fasthttp has no HTTP/%d", clientmain.ErrUnimplemented, a.HTTP)
	}
	client := &fasthttp.PipelineClient{
		Addr: target.Host, MaxConns: 1, MaxPendingRequests: a.Depth,
	}
	if target.Scheme == "https" {
		roots, err := clientmain.Roots(a.CAFile)
		if err != nil {
			return nil, err
		}
		client.IsTLS = true
		client.TLSConfig = &tls.Config{RootCAs: roots, ServerName: target.Hostname()}
	}
	return &getter{client: client, url: a.URL}, nil
}

// NewWorker reuses one request and one response, as fasthttp intends.
func (g *getter) NewWorker(check func(int, []byte) error) func() error {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	request.SetRequestURI(g.url)
	return func() error {
		if err := g.client.Do(request, response); err != nil {
			return fmt.Errorf("GET %s: %w", g.url, err)
		}
		return check(response.StatusCode(), response.Body())
	}
}

func (g *getter) Library() string { return clientmain.ModuleVersion("github.com/valyala/fasthttp") }

// Close does nothing: a PipelineClient cannot close its connection, which ends
// with the process.
func (g *getter) Close() {}
