// Package program is what the small clients in Go have in common that stand in the
// table of clients: they make a few requests one after the other, print the bodies
// and end with 1 when one of them fails.
package program

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
)

// Requests that a client makes, at the paths /1, /2 and so on.
const Requests = 3

// Arguments are METHOD URL CA [FILE].
type Arguments struct {
	Method, URL, CA string
	Body            []byte // nil without a FILE
}

// Main runs a client to its end. It makes the exchange of a request with that
// method and body, nil for none, and returns the body of the response.
func Main(connect func(Arguments) (exchange func(method, url string, body []byte) ([]byte, error), err error)) {
	if err := run(connect); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(connect func(Arguments) (func(method, url string, body []byte) ([]byte, error), error)) error {
	if len(os.Args) < 4 {
		return fmt.Errorf("usage: %s METHOD URL CA [FILE]", os.Args[0])
	}
	arguments := Arguments{Method: os.Args[1], URL: os.Args[2], CA: os.Args[3]}
	if len(os.Args) > 4 {
		var err error
		if arguments.Body, err = os.ReadFile(os.Args[4]); err != nil {
			return err
		}
	}
	exchange, err := connect(arguments)
	if err != nil {
		return err
	}
	for number := range Requests {
		body, err := exchange(arguments.Method, fmt.Sprintf("%s/%d", arguments.URL, number+1), arguments.Body)
		if err != nil {
			return err
		}
		if _, err := os.Stdout.Write(body); err != nil {
			return err
		}
	}
	return nil
}

// OverRoundTripper makes exchanges with what net/http's clients are made of.
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
