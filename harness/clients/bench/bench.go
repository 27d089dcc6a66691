// Package bench compares HTTP clients: the CPU time of a request, requests per
// second, and more.
//
// It starts an nginx and, for each client and each cell of the axes, the client
// as a process of its own. The timed rounds are interleaved, one round of each
// client in turn, so that other load on the machine affects all of them. System
// calls and TLS records are counted separately, with strace and a relay.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/bench/client/clientmain"
)

// Bench says what to measure. Every list has at least one element.
type Bench struct {
	Folder  string // where the clients are
	Clients []Client
	Depths  []int // requests in flight, at least 1
	Bodies  []int // bytes in a response, at least 1
	TLS     []string
	RTTs    []time.Duration // delays that a relay adds, at least 0
	Rounds  int             // timed ones, at least 1
	Round   time.Duration   // approximate duration of each
	Newest  []string        // command that runs a program with the newest libcurl; none if that is not installed
	Scratch string          // existing folder for the server's files
	// Count turns on the counting of system calls and TLS records.
	Count bool
	// Step is called before each step, with its description and the number of
	// steps done and in all.
	Step func(what string, done, total int)
}

// Cell is one combination of the axes.
type Cell struct {
	Depth int
	Body  int
	TLS   string
	RTT   time.Duration
}

// String names a cell in a progress line.
func (c Cell) String() string {
	tls := c.TLS
	if tls != PlainText {
		tls = "TLS " + tls
	}
	return fmt.Sprintf("depth %d, %d B, %s, %v", c.Depth, c.Body, tls, c.RTT)
}

// cells returns all combinations.
func (b *Bench) cells() []Cell {
	var cells []Cell
	for _, tls := range b.TLS {
		for _, rtt := range b.RTTs {
			for _, body := range b.Bodies {
				for _, depth := range b.Depths {
					cells = append(cells, Cell{depth, body, tls, rtt})
				}
			}
		}
	}
	return cells
}

// cores returns two different cores, if there are two.
func cores() (client, server int) {
	if runtime.NumCPU() < 2 {
		return -1, -1
	}
	return 0, 1
}

// Run measures every cell. A client that fails or does not support a cell has
// no row there, and Result.LeftOut names it. Run returns an error if no row is
// left, if the server does not start, or if ctx ends.
func (b *Bench) Run(ctx context.Context) (*Result, error) {
	clientCore, serverCore := cores()
	server, err := StartServer(b.Scratch, b.Bodies, serverCore)
	if err != nil {
		return nil, err
	}
	defer server.Stop()
	result := &Result{Separate: clientCore != serverCore}
	cells := b.cells()
	total := len(cells) * len(b.Clients) * (b.Rounds + 1)
	done := 0
	for _, cell := range cells {
		var rows []*measurement
		for _, client := range b.Clients {
			m := &measurement{bench: b, client: client, cell: cell, server: server, core: clientCore}
			b.Step(fmt.Sprintf("%s, %v: getting ready", client.Name, cell), done, total)
			done++
			if err := m.prepare(ctx); ctx.Err() != nil {
				return nil, err
			} else if err != nil {
				result.leaveOut(client.Name, err)
				done += b.Rounds
				continue
			}
			rows = append(rows, m)
		}
		for round := range b.Rounds {
			for _, m := range rows {
				b.Step(fmt.Sprintf("%s, %v: round %d", m.client.Name, cell, round+1), done, total)
				done++
				if m.failed != nil {
					continue
				}
				if m.failed = m.round(ctx); ctx.Err() != nil {
					return nil, m.failed
				}
			}
		}
		for _, m := range rows {
			if m.failed != nil {
				result.leaveOut(m.client.Name, m.failed)
				continue
			}
			result.Rows = append(result.Rows, m.row())
			result.cells = append(result.cells, cell)
			result.rounds = append(result.rounds, m.rounds)
		}
	}
	if len(result.Rows) == 0 {
		return nil, fmt.Errorf("not one of the clients could be measured: %s", strings.Join(result.LeftOut, "; "))
	}
	return result, nil
}

// Result is what Run has measured.
type Result struct {
	Rows     []Row
	LeftOut  []string // clients without a row in some cell, with the reason
	Failed   bool     // one of these failed, instead of declining a cell
	Separate bool     // client and server each had their own core
	cells    []Cell
	rounds   [][]sample
}

func (r *Result) leaveOut(client string, err error) {
	r.Failed = r.Failed || !errors.Is(err, clientmain.ErrUnimplemented)
	line := fmt.Sprintf("%s: %v", client, err)
	if !slices.Contains(r.LeftOut, line) {
		r.LeftOut = append(r.LeftOut, line)
	}
}

// NewScratch makes a folder for Bench.Scratch; the caller removes it.
func NewScratch() (string, error) { return os.MkdirTemp("", "curlpipe-bench") }
