package fleet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/curlpipe/curlpipe/harness/clients/launch"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

const (
	// depth is the maximum number of requests that a client has in flight.
	depth = 10
	// requestPadding is the length of the padding in each request's header
	// section. Ten requests then exceed all buffers between client and server.
	requestPadding = 4000
	// sendBuffer is SO_SNDBUF of the clients' connections.
	sendBuffer = 4096
)

// runClients runs the clients of the shard, and returns their reports.
func (c *Config) runClients(ctx context.Context, g *greeting) (*plan.Fleet, error) {
	server, err := url.Parse(c.Server)
	if err != nil {
		return nil, err
	}
	address := "https://" + net.JoinHostPort(server.Hostname(), strconv.Itoa(g.Port))
	authority, err := writeAuthority(g.Authority)
	if err != nil {
		return nil, err
	}
	defer os.Remove(authority)

	first, next := c.Shard.Range(c.Clients)
	said := make([]plan.Fleet, c.Processes)
	group, running := errgroup.WithContext(ctx)
	for i := range said {
		from, to := first+i*(next-first)/c.Processes, first+(i+1)*(next-first)/c.Processes
		group.Go(func() error { return c.runProcess(running, &said[i], address, authority, from, to-from) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := &plan.Fleet{}
	for _, part := range said {
		all.Add(&part)
	}
	return all, nil
}

// writeAuthority writes the certificate authority to a file for the clients.
// The caller removes it.
func writeAuthority(authority []byte) (string, error) {
	file, err := os.CreateTemp("", "curlpipe-fleet-*.pem")
	if err != nil {
		return "", fmt.Errorf("making a file for the server's authority: %w", err)
	}
	_, err = file.Write(authority)
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(file.Name())
		return "", fmt.Errorf("writing the server's authority: %w", err)
	}
	return file.Name(), nil
}

// runProcess runs some of the clients in one process.
func (c *Config) runProcess(ctx context.Context, said *plan.Fleet, address, authority string, first, clients int) error {
	arguments := []string{address, authority, c.TLS}
	for _, n := range []int{first, clients, c.Requests, min(depth, c.Requests), requestPadding, c.Patience} {
		arguments = append(arguments, strconv.Itoa(n))
	}
	var stdout, stderr bytes.Buffer
	client := launch.Client{
		Command: append([]string{c.Subject}, arguments...), Library: c.LoadFrom,
		Interposer: launch.Interposer{Path: c.Interposer, SendBuffer: sendBuffer},
		Stdout:     &stdout, Stderr: &stderr,
	}
	waited, err := client.Run(ctx)
	if err = cmp.Or(err, waited); err != nil {
		return fmt.Errorf("running %d clients in %s: %w: %s", clients, c.Subject, err, bytes.TrimSpace(stderr.Bytes()))
	}
	if err := json.Unmarshal(stdout.Bytes(), said); err != nil {
		return fmt.Errorf("reading the report of %s: %w", c.Subject, err)
	}
	return nil
}
