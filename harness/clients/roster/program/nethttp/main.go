// Command nethttp is Go's net/http in the table of clients.
package main

import (
	"net/http"

	"github.com/curlpipe/curlpipe/harness/clients/roster/program"
)

func main() {
	program.Main(func(a program.Arguments) (func(method, url string, body []byte) ([]byte, error), error) {
		config, err := a.TLS()
		return program.OverRoundTripper(&http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}), err
	})
}
