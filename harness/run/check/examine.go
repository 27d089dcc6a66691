package check

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/launch"
	"github.com/curlpipe/curlpipe/harness/run/check/stack"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/lab"
)

// Setup says which client to examine, and how.
type Setup struct {
	// Command and its arguments, see Client.
	Command []string
	// Plain is true for HTTP without TLS, HTTP2 to offer HTTP/2 as well.
	Plain, HTTP2 bool
	// Stall is true for an origin that stops reading until the client is stuck
	// in a write, and for small buffers on both sides. It needs the interposer.
	Stall bool
	// Connections that the client may make and Requests that it has to make at
	// least, each 1 or more.
	Connections, Requests int
	// Limit bounds the run of the client.
	Limit time.Duration
	// Gateway is true for a proxy or a gateway, for which HTTP has some other
	// rules than for a user agent.
	Gateway bool
	// Scenario is the misbehaviour of the origin; nil means an honest origin.
	Scenario *Scenario
	// TLS is the one version that the origin speaks, "1.2" or "1.3"; empty for
	// both.
	TLS string
	// Host, if not empty, replaces 127.0.0.1 in the URL.
	Host string
	// Engine is the path of tls-engine. Scenarios need it that send TLS messages
	// outside of a handshake.
	Engine string
	// Complaint, if not nil, matches the error message of a client that reports a
	// failure but exits with 0.
	Complaint *regexp.Regexp
	// Environment has NAME=value entries to add to the client's environment.
	Environment []string
	// Interposer is the path of the library to preload; if it is empty,
	// NoInterposer says why.
	Interposer, NoInterposer string
	// Tap receives what is kept as evidence.
	Tap lab.Tap
}

// Sizes in bytes that make writes block early, with Stall.
const (
	stallReceiveBuffer = 8 << 10
	stallSendBuffer    = 16 << 10
)

// farewell limits the wait for connections that the client left open.
const farewell = 2 * time.Second

// Examine runs the client against an origin that it starts. It returns an error
// only if the client could not be run.
func Examine(ctx context.Context, setup Setup) (*Observation, error) {
	if setup.Gateway && setup.Scenario != nil {
		setup.Scenario = setup.Scenario.forGateway()
	}
	folder, err := os.MkdirTemp("", "pipelab-check-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the run: %w", err)
	}
	defer os.RemoveAll(folder)
	watch := events.NewWatch()
	config := Config{
		Plain: setup.Plain, HTTP2: setup.HTTP2, KeyLog: setup.Tap.KeyLog, Scenario: setup.Scenario, TLS: setup.TLS,
		Host: setup.Host, Engine: setup.Engine, Stall: setup.Stall, Client: watch,
	}
	if setup.smallBuffers() {
		config.ReceiveBuffer = stallReceiveBuffer
	}
	var onlooker onlooker
	config.Secured = onlooker.look
	defer onlooker.close()
	server, err := Start(config)
	if err != nil {
		return nil, err
	}
	o := &Observation{
		Connections: setup.Connections, Requests: setup.Requests, Stall: setup.Stall, NoEvents: setup.NoInterposer,
		Scenario: setup.Scenario, words: server.words,
	}
	err = o.watchClient(ctx, setup, server, watch, folder)
	bound, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	o.Origin, o.Packets = server.Stop(bound), setup.Tap.StopPackets()
	o.Protocols, o.Deed, o.Clogs = server.Protocols(), server.Deed(), server.Clogs()
	if o.TLSWrites == 0 {
		o.Stacks = onlooker.stacks()
		o.Unloaded = onlooker.process != nil && !onlooker.process.Loads(setup.Interposer)
	}
	return o, err
}

// lookTries is how often to look for a client's process: the kernel's table of
// sockets may omit one while others are opened and closed.
const lookTries = 5

// onlooker records the process of a client at its first connection. Read it
// after the origin has stopped.
type onlooker struct {
	once    sync.Once
	process *stack.Process
}

// look records the process that has the other end of a connection. It ignores
// one that cannot be inspected.
func (l *onlooker) look(client, server netip.AddrPort) {
	l.once.Do(func() {
		for range lookTries {
			pid, err := stack.Owner(client, server)
			if err != nil {
				continue
			}
			if l.process, err = stack.Look(pid); err == nil {
				return
			}
		}
	})
}

// close releases the process.
func (l *onlooker) close() {
	if l.process != nil {
		_ = l.process.Close() // nothing is written to it
	}
}

// stacks returns the client's TLS stacks.
func (l *onlooker) stacks() []stack.Stack {
	if l.process == nil {
		return nil
	}
	found, _ := l.process.Stacks() // unknown then
	return found
}

// watchClient runs the client and records what it shows itself.
func (o *Observation) watchClient(ctx context.Context, setup Setup, server *Server, watch *events.Watch, folder string) error {
	var accountant events.Accountant
	client := Client{
		Command: setup.Command, URL: server.URL(), Host: server.Host(), Port: server.Port(), Limit: setup.Limit,
		File: filepath.Join(folder, "file"), Folder: filepath.Join(folder, "dir"),
		Interposer: launch.Interposer{Path: setup.Interposer}, Environment: setup.Environment,
		See: func(e events.Event) {
			accountant.See(e)
			watch.See(e)
			setup.Tap.TakeEvent(e)
			if e.IsTLSWrite() {
				o.TLSWrites++
			}
		},
	}
	if setup.smallBuffers() {
		client.Interposer.SendBuffer = stallSendBuffer
	}
	if authority := server.Authority(); authority != nil {
		client.Authority = filepath.Join(folder, "ca.pem")
		if err := os.WriteFile(client.Authority, authority, 0o600); err != nil {
			return fmt.Errorf("writing the origin's authority: %w", err)
		}
	}
	if err := prepare(client.File, client.Folder); err != nil {
		return err
	}
	if err := setup.Tap.Listen(server.URL()); err != nil {
		return err
	}
	ending, err := client.Run(ctx)
	if err != nil {
		return err
	}
	setup.Tap.TakeOutput(ending.Stdout, ending.Stderr)
	o.Failure, o.Hung, o.Crashed, o.Events = ending.Failure, ending.Hung, ending.Crashed, accountant.Summary()
	if o.Output, err = written(client.Folder); err != nil {
		return err
	}
	o.Output = slices.Concat(ending.Stdout, o.Output)
	if setup.Complaint != nil {
		o.Complaint = string(setup.Complaint.Find(slices.Concat(ending.Stdout, ending.Stderr)))
	}
	return nil
}

// smallBuffers reports whether the client must get stuck early.
func (s *Setup) smallBuffers() bool {
	return s.Stall || s.Scenario != nil && s.Scenario.Needs == Upload
}

// fileBytes is the size in bytes of the file to upload.
const fileBytes = 1 << 20

// prepare makes the file to upload, and a folder for the client.
func prepare(file, folder string) error {
	line := []byte("this is a line of a file that is uploaded, as long as all\n")
	if err := os.WriteFile(file, bytes.Repeat(line, fileBytes/len(line)), 0o600); err != nil {
		return fmt.Errorf("making a file to upload: %w", err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("making a folder for the client: %w", err)
	}
	return nil
}

// written returns what the client has written into its folder, up to the same
// limit as for its output.
func written(folder string) ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return nil, fmt.Errorf("looking at what the client has written: %w", err)
	}
	var all []byte
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("looking at what the client has written: %w", err)
		}
		content, err := io.ReadAll(io.LimitReader(file, mostOutput-int64(len(all))))
		file.Close()
		if err != nil {
			continue // it is a folder
		}
		all = append(all, content...)
	}
	return all, nil
}
