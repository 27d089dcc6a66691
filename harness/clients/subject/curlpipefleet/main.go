// Command curlpipe-fleet is many clients of this project's library in one
// process, each with a connection and a pipeline of its own.
//
// It stands in pipelab fleet where c-fleet does, has the same arguments and
// says the same of what became of the requests.
package main

// #include <malloc.h>
import "C"

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/curlpipe/curlpipe/curlpipe"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

func main() {
	o, err := parse(os.Args[1:])
	if err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "curlpipe-fleet: %v\n", err)
		os.Exit(1)
	}
}

// options are the arguments on the command line.
type options struct {
	url, caFile     string
	tls             uint16 // the one version to use
	first, clients  int
	requests, depth int // of each client
	padding         int // length of the padding in each request's header section
	stall           time.Duration
}

func parse(arguments []string) (*options, error) {
	usage := errors.New("needs URL CA TLS FIRST CLIENTS REQUESTS DEPTH PADDING STALL")
	if len(arguments) != 9 {
		return nil, usage
	}
	o := &options{url: arguments[0], caFile: arguments[1]}
	switch arguments[2] {
	case plan.TLS12:
		o.tls = tls.VersionTLS12
	case plan.TLS13:
		o.tls = tls.VersionTLS13
	default:
		return nil, usage
	}
	var seconds int
	for i, into := range []*int{&o.first, &o.clients, &o.requests, &o.depth, &o.padding, &seconds} {
		n, err := strconv.Atoi(arguments[3+i])
		if err != nil || n < 0 {
			return nil, usage
		}
		*into = n
	}
	if o.clients < 1 || o.requests < 1 || o.depth < 1 || seconds < 1 {
		return nil, usage
	}
	o.stall = time.Duration(seconds) * time.Second
	return o, nil
}

func run(o *options) error {
	var r plan.Fleet
	var err error
	if r.MemoryBefore, err = memory("VmRSS"); err != nil {
		return err
	}
	clients := make([]*client, o.clients)
	padding := strings.Repeat("x", o.padding)
	for i := range clients {
		if clients[i], err = newClient(o, o.first+i, padding); err != nil {
			return err
		}
		defer clients[i].client.Close()
	}
	first := min(o.depth, o.requests)
	each(clients, func(c *client) { c.make(0, first) })
	// do not count garbage, pools and free memory
	runtime.GC() // a pool is empty after two collections
	debug.FreeOSMemory()
	C.malloc_trim(0)
	if r.MemoryIdle, err = memory("VmRSS"); err != nil {
		return err
	}
	each(clients, func(c *client) { c.make(first, o.requests) })
	if r.MemoryPeak, err = memory("VmHWM"); err != nil {
		return err
	}
	for _, c := range clients {
		r.Answered += c.answered
		r.Wrong += c.wrong
		r.Failed += c.failed
		r.GivenUp += c.givenUp
		r.BlockedWrites += int64(c.client.Stats().WantWrite)
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// each calls a function for every client, at the same time.
func each(clients []*client, do func(*client)) {
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() { do(c) })
	}
	all.Wait()
}

// client is one client of the fleet.
type client struct {
	*options
	number  int
	client  *curlpipe.Client
	padding string

	mutex                            sync.Mutex
	answered, wrong, failed, givenUp int64
}

func newClient(o *options, number int, padding string) (*client, error) {
	made, err := curlpipe.New(&curlpipe.Transport{
		CAFile: o.caFile, MaxPipelineDepth: o.depth, StallTimeout: o.stall,
		MinTLSVersion: o.tls, MaxTLSVersion: o.tls,
		AllowUnpatched: true, DisableSessionReuse: true,
		// each write must reach the socket, as in c-fleet
		DisableCoalescing: true,
	})
	if err != nil {
		return nil, err
	}
	return &client{options: o, number: number, client: made, padding: padding}, nil
}

// make makes the requests with these numbers, as many at a time as the pipeline
// is long.
func (c *client) make(from, to int) {
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range min(c.depth, to-from) {
		workers.Go(func() {
			for n := range numbers {
				c.ask(n)
			}
		})
	}
	for n := from; n < to; n++ {
		numbers <- n
	}
	close(numbers)
	workers.Wait()
}

// ask makes one request and counts its result.
func (c *client) ask(n int) {
	id := fmt.Sprintf("c%d-r%d", c.number, n)
	got, err := c.response(id)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	switch {
	case errors.Is(err, curlpipe.ErrStalled):
		c.givenUp++
	case err != nil:
		c.failed++
	case got != id:
		c.wrong++
	default:
		c.answered++
	}
}

// response returns the first line of the response.
func (c *client) response(id string) (string, error) {
	request, err := http.NewRequest(http.MethodGet, c.url+"/"+id, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set(plan.PaddingField, c.padding)
	response, err := c.client.Do(context.Background(), request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var start [64]byte
	n, err := io.ReadFull(response.Body, start[:])
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	line, _, _ := strings.Cut(string(start[:n]), "\n")
	return line, err
}

// memory returns the value of a line of /proc/self/status, which is in kB, in
// bytes.
func memory(name string) (int64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("reading how much memory is used: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", name)
}
