// Command curlpipe is the bench's client over this project's library: with a
// patched libcurl it pipelines, with a newer one it multiplexes HTTP/2.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"net/http"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/curlpipe"
	"github.com/curlpipe/curlpipe/harness/clients/bench/client/clientmain"
)

func main() { clientmain.Main(connect) }

type getter struct {
	client *curlpipe.Client
	url    string
	major  int
}

func connect(a clientmain.Arguments) (clientmain.Getter, error) {
	client, err := curlpipe.New(&curlpipe.Transport{
		CAFile: a.CAFile, MaxPipelineDepth: a.Depth,
	})
	if errors.Is(err, curlpipe.ErrNoPipelining) || errors.Is(err, curlpipe.ErrUnsupportedByLibcurl) {
		return nil, fmt.Errorf("%w: %w", clientmain.ErrUnimplemented, err)
	} else if err != nil {
		return nil, err
	}
	return &getter{client: client, url: a.URL, major: a.HTTP}, nil
}

// NewWorker reuses one request, and one buffer for all bodies.
func (g *getter) NewWorker(check func(int, []byte) error) func() error {
	request, err := http.NewRequest(http.MethodGet, g.url, nil)
	var body bytes.Buffer
	return func() error {
		if err != nil {
			return err
		}
		response, err := g.client.Do(context.Background(), request)
		if err != nil {
			return err
		}
		body.Reset()
		_, err = body.ReadFrom(response.Body)
		_ = response.Body.Close() // it was in memory
		if err != nil {
			return fmt.Errorf("GET %s: body: %w", g.url, err)
		}
		if response.ProtoMajor != g.major {
			return fmt.Errorf("GET %s: answered with %s, asked for HTTP/%d", g.url, response.Proto, g.major)
		}
		return check(response.StatusCode, body.Bytes())
	}
}

func (g *getter) Library() string { return curl.Version() }

func (g *getter) Close() { _ = g.client.Close() } // the figures are there
