// Package clientmain is the common part of the bench's clients in Go: their
// arguments, the two phases of a run and the document that they print.
//
// A client keeps a number of GETs for one URL in flight, first to warm up, then
// for the measured phase. It compares each response with what the server is known
// to send, and prints one JSON object, a Document. The clients in C work in the
// same way.
package clientmain

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Exit codes of a client.
const (
	ExitDone          = 0 // the requests were made and each response was correct
	ExitFailed        = 1 // a response was wrong, or none; standard error says what
	ExitUsage         = 2 // the arguments make no sense
	ExitUnimplemented = 3 // this client, or its libcurl, does not support the arguments
)

// ErrUnimplemented says that the client does not support what the arguments ask
// for.
var ErrUnimplemented = errors.New("not implemented")

// Arguments are the arguments of a client.
type Arguments struct {
	URL      string
	CAFile   string // certificate authority of the server, in PEM
	Depth    int    // requests in flight
	Requests int    // in the measured phase
	Warmup   int    // requests before it
	Body     int    // size of each response's body
	HTTP     int    // version of HTTP, 1 or 2
	LogFile  string // for h2load alone
}

// Document is the output of a client.
type Document struct {
	Requests        int     `json:"requests"`
	Verified        int     `json:"verified"`
	Seconds         float64 `json:"seconds"`
	CPUSeconds      float64 `json:"cpu_seconds"`
	P50MS           float64 `json:"p50_ms"`
	P99MS           float64 `json:"p99_ms"`
	Allocations     float64 `json:"allocations"` // below 0 for not known
	PeakMemoryBytes int64   `json:"peak_memory_bytes"`
	Library         string  `json:"library"`
}

// Parse reads the arguments of a client.
func Parse(arguments []string) (Arguments, error) {
	var a Arguments
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.StringVar(&a.URL, "url", "", "what to get")
	flags.StringVar(&a.CAFile, "ca", "", "certificate authority, PEM")
	flags.IntVar(&a.Depth, "depth", 1, "requests in flight")
	flags.IntVar(&a.Requests, "requests", 1, "requests in the measured phase")
	flags.IntVar(&a.Warmup, "warmup", 1, "requests before it")
	flags.IntVar(&a.Body, "body", 12, "bytes in each response")
	flags.IntVar(&a.HTTP, "http", 1, "1 or 2")
	if err := flags.Parse(arguments); err != nil {
		return a, err
	}
	if a.URL == "" || a.Depth < 1 || a.Requests < 1 || a.Warmup < 1 || a.Body < 1 || flags.NArg() > 0 {
		return a, errors.New("--url is needed, and numbers must be 1 or more")
	}
	return a, nil
}

// Main runs a client made by connect and ends the process.
func Main(connect func(Arguments) (Getter, error)) {
	MainOf(func(a Arguments) (*Document, error) {
		getter, err := connect(a)
		if err != nil {
			return nil, err
		}
		defer getter.Close()
		return measure(getter, a)
	})
}

// MainOf is Main for a client that has a way of its own to keep requests in
// flight.
func MainOf(run func(Arguments) (*Document, error)) {
	name := filepath.Base(os.Args[0])
	a, err := Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(ExitUsage)
	}
	document, err := run(a)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(document)
	}
	switch {
	case errors.Is(err, ErrUnimplemented):
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(ExitUnimplemented)
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(ExitFailed)
	}
	os.Exit(ExitDone)
}

// milliseconds returns d in milliseconds.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
