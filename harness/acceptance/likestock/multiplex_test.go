package likestock_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// patience is how long nothing may happen before the client counts as hanging.
const patience = 30 * time.Second

// drivers of libcurl's multi interface.
var drivers = []string{"perform", "socket"}

// origin speaks HTTP/2 and HTTP/1.1, as the client wants. Its responses tell how
// a request arrived: on which connection, with which protocol and method, and its
// body.
type origin struct {
	*httptest.Server
	// held gets the path of each request under /held/.
	held chan string
	// release lets all of these have their responses.
	release func()

	mu          sync.Mutex
	connections map[string]int // numbered from 1, by the client's address
	seen        []string       // the path of each request
}

func startOrigin(t *testing.T) *origin {
	t.Helper()
	released := make(chan struct{})
	o := &origin{
		held:        make(chan string, 8),
		release:     sync.OnceFunc(func() { close(released) }),
		connections: map[string]int{},
	}
	o.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client sees that there is no response
		}
		connection := o.note(r)
		if strings.HasPrefix(r.URL.Path, "/held/") {
			o.held <- r.URL.Path // there is room for each
			<-released
		}
		fmt.Fprintf(w, "%d %s %s %s", connection, r.Proto, r.Method, body)
	}))
	o.EnableHTTP2 = true
	o.StartTLS()
	t.Cleanup(func() {
		o.release()
		o.Close()
	})
	return o
}

// note notes a request and returns the number of its connection.
func (o *origin) note(r *http.Request) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, r.URL.Path)
	if o.connections[r.RemoteAddr] == 0 {
		o.connections[r.RemoteAddr] = len(o.connections) + 1
	}
	return o.connections[r.RemoteAddr]
}

// requireHeld requires that a request arrives, and is held.
func (o *origin) requireHeld(t *testing.T, path string) {
	t.Helper()
	select {
	case got := <-o.held:
		require.Equal(t, path, got)
	case <-time.After(patience):
		require.Fail(t, "the request for "+path+" has not arrived")
	}
}

// requireSeen requires that these requests have arrived, in this order, and no
// others.
func (o *origin) requireSeen(t *testing.T, paths ...string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	require.Equal(t, paths, o.seen)
}

// client is a run of testdata/multiplex.c.
type client struct {
	in    io.Writer
	lines <-chan string
}

func startClient(t *testing.T, library, made, driver string, connections int) client {
	t.Helper()
	command := program.Command(library, made, driver, strconv.Itoa(connections))
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	require.NoError(t, err)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		if t.Failed() {
			command.Process.Kill()
		}
		in.Close()
		for line := range lines {
			t.Errorf("a line too many: %s", line)
		}
		err := command.Wait()
		require.True(t, err == nil || t.Failed(), "%v", err)
	})
	return client{in: in, lines: lines}
}

// add has the client add a handle, as testdata/multiplex.c has it.
func (c client) add(t *testing.T, format string, arguments ...any) {
	t.Helper()
	_, err := fmt.Fprintf(c.in, format+"\n", arguments...)
	require.NoError(t, err)
}

// requireDone requires that a handle is done before all others, and how.
func (c client) requireDone(t *testing.T, outcome string) {
	t.Helper()
	select {
	case line, open := <-c.lines:
		require.True(t, open, "the program ends")
		require.Equal(t, outcome, line)
	case <-time.After(patience):
		require.Fail(t, "nothing is done", "wanted: %s", outcome)
	}
}

// TestHTTP2KeepsAwayFromHTTP1 requires that a request over HTTP/2 does not join a
// connection on which another one waits for its response over HTTP/1.1.
func TestHTTP2KeepsAwayFromHTTP1(t *testing.T) {
	requests := []struct{ method, body string }{{method: "GET"}, {method: "POST", body: "order=1"}}
	compare(t, "testdata/multiplex.c", func(t *testing.T, library, made string) {
		for _, driver := range drivers {
			for _, request := range requests {
				t.Run(driver+" "+request.method, func(t *testing.T) {
					o := startOrigin(t)
					c := startClient(t, library, made, driver, 0)
					c.add(t, "old GET HTTP/1.1 any %s/held/old", o.URL)
					o.requireHeld(t, "/held/old")
					c.add(t, "first GET HTTP/2 any %s/first", o.URL)
					c.requireDone(t, "first 0 200 2 HTTP/2.0 GET ")
					c.add(t, "second %s HTTP/2 any %s/second", request.method, o.URL)
					c.requireDone(t, "second 0 200 2 HTTP/2.0 "+request.method+" "+request.body)
					o.release()
					c.requireDone(t, "old 0 200 1 HTTP/1.1 GET ")
					o.requireSeen(t, "/held/old", "/first", "/second")
				})
			}
		}
	})
}

// TestNobodyWaitsBehindAFreshConnection requires that a handle that has to wait for
// a connection of its own does not hold back one that can share the one there is.
func TestNobodyWaitsBehindAFreshConnection(t *testing.T) {
	compare(t, "testdata/multiplex.c", func(t *testing.T, library, made string) {
		for _, driver := range drivers {
			t.Run(driver, func(t *testing.T) {
				o := startOrigin(t)
				c := startClient(t, library, made, driver, 1)
				c.add(t, "long GET HTTP/2 any %s/held/long", o.URL)
				o.requireHeld(t, "/held/long")
				c.add(t, "fresh GET HTTP/2 fresh %s/fresh", o.URL)
				c.add(t, "ordinary GET HTTP/2 any %s/ordinary", o.URL)
				c.requireDone(t, "ordinary 0 200 1 HTTP/2.0 GET ")
				o.release()
				c.requireDone(t, "long 0 200 1 HTTP/2.0 GET ")
				c.requireDone(t, "fresh 0 200 2 HTTP/2.0 GET ")
				o.requireSeen(t, "/held/long", "/ordinary", "/fresh")
			})
		}
	})
}
