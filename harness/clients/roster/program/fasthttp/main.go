// Command fasthttp is fasthttp.Client in the table of clients.
package main

import (
	"fmt"

	"github.com/valyala/fasthttp"

	"github.com/curlpipe/curlpipe/harness/clients/roster/program"
)

func main() {
	program.Main(func(a program.Arguments) (func(method, url string, body []byte) ([]byte, error), error) {
		config, err := a.TLS()
		client := &fasthttp.Client{TLSConfig: config}
		return func(method, url string, body []byte) ([]byte, error) {
			request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
			request.Header.SetMethod(method)
			request.SetRequestURI(url)
			request.SetBody(body)
			if err := client.Do(request, response); err != nil {
				return nil, err
			}
			if response.StatusCode() >= 400 {
				return nil, fmt.Errorf("%s %s: status %d", method, url, response.StatusCode())
			}
			return response.Body(), nil
		}, err
	})
}
