// Package framing_test tests libcurl, stock and patched, with responses that
// can be read in more than one way. None may reach into the response behind it,
// and a user who never pipelines gets the same as with stock.
package framing_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// Ways to cut what the origin sends into pieces, as testdata/framing.h has it.
const (
	splitNone   = 0
	splitEvery  = -1
	splitBehind = -2
)

// What the origin does after the response.
const (
	endNone  = 0
	endClose = 1
	endCut   = 2
)

// large is the length from which a response is not tried byte by byte.
const large = 1000

// behind is the number of requests that follow the one under test.
const behind = 13

// exchange is one run of the program.
type exchange struct {
	tls, socket bool
	mode        string // shared, alone or turn
	method      string // "" means GET
	behind      int
	hostile     int // connections that get the response
	split, end  int
	response    string
}

func (e exchange) String() string {
	protocol, driver, method := "plain", "perform", "GET"
	if e.tls {
		protocol = "tls"
	}
	if e.socket {
		driver = "socket"
	}
	if e.method != "" {
		method = e.method
	}
	return fmt.Sprintf("%s %s %s %s %d %d %d %d", protocol, driver, e.mode, method, e.behind, e.hostile, e.split, e.end)
}

// outcome is the result of a request; code is -1 if it hangs.
type outcome struct {
	code, status  int
	headers, body string
}

// result is the outcome of an exchange, with the request under test first.
type result struct {
	connections int
	requests    []outcome
}

// long selects the long forms.
func long() bool { return os.Getenv("CURLPIPE_LONG") != "" }

// compile compiles the program that runs exchanges.
func compile(t *testing.T, library string) string {
	t.Helper()
	return program.Compile(t, library, []string{"testdata/framing.c", "testdata/origin.c"})
}

// play runs the exchanges with the library in a prefix.
func play(t *testing.T, made, library string, exchanges []exchange) []result {
	t.Helper()
	var in, out, problems bytes.Buffer
	for _, e := range exchanges {
		fmt.Fprintf(&in, "%s %s\n", e, hex.EncodeToString([]byte(e.response)))
	}
	command := program.Command(library, made)
	command.Stdin, command.Stdout, command.Stderr = &in, &out, &problems
	require.NoError(t, command.Run(), "%s", problems.String())
	require.Empty(t, problems.String())
	var results []result
	for text := range strings.Lines(out.String()) {
		results = append(results, parse(t, text))
	}
	require.Len(t, results, len(exchanges))
	return results
}

func parse(t *testing.T, text string) result {
	t.Helper()
	words := strings.Fields(text)
	connections, err := strconv.Atoi(words[0])
	require.NoError(t, err)
	r := result{connections: connections}
	for _, word := range words[1:] {
		var o outcome
		parts := strings.Split(word, "/")
		require.Len(t, parts, 4)
		o.code, err = strconv.Atoi(parts[0])
		require.NoError(t, err)
		o.status, err = strconv.Atoi(parts[1])
		require.NoError(t, err)
		headers, err := hex.DecodeString(parts[2])
		require.NoError(t, err)
		body, err := hex.DecodeString(parts[3])
		require.NoError(t, err)
		o.headers, o.body = string(headers), string(body)
		r.requests = append(r.requests, o)
	}
	return r
}

// own is the body that belongs to the nth request.
func own(n int) string { return fmt.Sprintf("<body of request %02d>", n) }

// requireOwn requires that every request behind the first got its own body.
func requireOwn(t *testing.T, e exchange, r result) {
	t.Helper()
	require.Len(t, r.requests, 1+e.behind, "%s %q", e, e.response)
	for i, o := range r.requests[1:] {
		require.Zero(t, o.code, "request %d behind %s %q", i+2, e, e.response)
		require.Equal(t, 200, o.status, "request %d behind %s %q", i+2, e, e.response)
		require.Equal(t, own(i+2), o.body, "request %d behind %s %q", i+2, e, e.response)
	}
}

// require compares the result of an exchange with the wanted one.
func (w want) require(t *testing.T, name string, e exchange, r result, stock *result) {
	t.Helper()
	about := fmt.Sprintf("%s: %s %.200q", name, e, e.response)
	got := r.requests[0]
	if stock != nil {
		require.Equal(t, stock.requests[0].code, got.code, about)
		require.Equal(t, stock.requests[0].status, got.status, about)
		require.Equal(t, stock.requests[0].body, got.body, about)
		require.Equal(t, stock.requests[0].headers, got.headers, about)
		return
	}
	require.Equal(t, w.code, got.code, about)
	if w.failed {
		require.True(t, got.body == "" || w.code == badBody.code && strings.HasPrefix("hello", got.body), "%s: body %q", about, got.body)
	} else {
		require.Equal(t, w.status, got.status, about)
		require.Equal(t, w.body, got.body, about)
	}
	if w.connections != 0 {
		require.Equal(t, w.connections, r.connections, about)
	}
	requireOwn(t, e, r)
}

// exchanges returns the ways in which a row is tried: in one piece, byte by
// byte, and with a pause after it, over both protocols and with both drivers;
// and cut in two at each fourth place. The long form cuts at each place, in all
// four combinations.
func (r row) exchanges(mode string, behind, end int) []exchange {
	base := exchange{mode: mode, method: r.method, behind: behind, hostile: 1, end: end, response: r.response}
	var all []exchange
	add := func(way, split int) {
		e := base
		e.tls, e.socket, e.split = way&1 != 0, way&2 != 0, split
		all = append(all, e)
	}
	for way := range 4 {
		add(way, splitNone)
		if mode == "alone" && r.alone.stock && !long() {
			continue // what hangs with stock hangs in many ways, and takes long
		}
		add(way, splitBehind)
		if len(r.response) < large {
			add(way, splitEvery)
		}
	}
	if len(r.response) >= large {
		return all
	}
	for place := 1; place < len(r.response); place++ {
		switch {
		case long():
			for way := range 4 {
				add(way, place)
			}
		case mode == "shared" && place%4 == len(r.name)%4:
			add(place/4%2*2, place)
		}
	}
	return all
}

func TestTable(t *testing.T) {
	patched := program.Libcurl(t, "--variant", "patched")
	stock := program.Libcurl(t, "--variant", "stock")
	made := compile(t, patched)
	for _, part := range table {
		for _, r := range part {
			t.Run(r.name, func(t *testing.T) {
				ending := func(ends bool) int {
					if ends {
						return endClose
					}
					return endNone
				}
				if r.shared != (want{}) {
					tried := r.exchanges("shared", behind, ending(r.endsShared))
					for i, got := range play(t, made, patched, tried) {
						r.shared.require(t, r.name, tried[i], got, nil)
					}
				}
				if r.alone == (want{}) {
					return
				}
				tried := r.exchanges("alone", 1, ending(r.ends))
				var before []result
				if r.alone.stock {
					before = play(t, made, stock, tried)
				}
				for i, got := range play(t, made, patched, tried) {
					var as *result
					if before != nil {
						as = &before[i]
					}
					r.alone.require(t, r.name, tried[i], got, as)
				}
			})
		}
	}
}
