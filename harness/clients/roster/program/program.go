// Package program is the common part of the small clients in Go in the table of
// clients. They make a few requests, one after the other or all at once, print
// the bodies, and exit with 1 if a request fails.
package program

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"

	"golang.org/x/sync/errgroup"
)

// Requests is the number of requests that a client makes, at the paths /1, /2
// and so on.
const Requests = 3

// Arguments are [--at-once] METHOD URL CA [FILE].
type Arguments struct {
	Method, URL, CA string
	Body            []byte // nil without a FILE

	atOnce bool
}

// Main runs a client. Connect returns a function that makes one request, with
// the given method and body (nil for none), and returns the body of the
// response.
func Main(connect func(Arguments) (exchange func(method, url string, body []byte) ([]byte, error), err error)) {
	if err := run(connect); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(connect func(Arguments) (func(method, url string, body []byte) ([]byte, error), error)) error {
	arguments, err := parse(os.Args[1:])
	if err != nil {
		return err
	}
	exchange, err := connect(arguments)
	if err != nil {
		return err
	}
	group, failed := errgroup.WithContext(context.Background())
	if !arguments.atOnce {
		group.SetLimit(1)
	}
	for number := range Requests {
		group.Go(func() error {
			if !arguments.atOnce && failed.Err() != nil {
				return nil // as clients do that end with their first error
			}
			body, err := exchange(arguments.Method, fmt.Sprintf("%s/%d", arguments.URL, number+1), arguments.Body)
			if err == nil {
				_, err = os.Stdout.Write(body)
			}
			return err
		})
	}
	return group.Wait()
}

func parse(words []string) (a Arguments, err error) {
	if len(words) > 0 && words[0] == "--at-once" {
		a.atOnce, words = true, words[1:]
	}
	if len(words) < 3 {
		return a, fmt.Errorf("usage: %s [--at-once] METHOD URL CA [FILE]", os.Args[0])
	}
	a.Method, a.URL, a.CA = words[0], words[1], words[2]
	if len(words) > 3 {
		a.Body, err = os.ReadFile(words[3])
	}
	return a, err
}

// OverRoundTripper makes exchanges with an http.RoundTripper.
func OverRoundTripper(t http.RoundTripper) func(method, url string, body []byte) ([]byte, error) {
	client := http.Client{Transport: t}
	return func(method, url string, body []byte) ([]byte, error) {
		request, err := http.NewRequest(method, url, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		got, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode >= 400 {
			err = fmt.Errorf("%s %s: %s", method, url, response.Status)
		}
		return got, err
	}
}

// TLS trusts the authority of the arguments.
func (a Arguments) TLS() (*tls.Config, error) {
	pem, err := os.ReadFile(a.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", a.CA)
	}
	return &tls.Config{RootCAs: roots}, nil
}
