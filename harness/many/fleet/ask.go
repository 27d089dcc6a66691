package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

const (
	// askAgain is the time between two attempts to reach a server that is not
	// there yet, startLimit how long it may take.
	askAgain   = 200 * time.Millisecond
	startLimit = time.Minute
)

// ask says one message to the server and returns the other.
func ask[Out, In any](ctx context.Context, server, path string, in In) (out Out, err error) {
	text, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(server, "/")+path, bytes.NewReader(text))
	if err != nil {
		return out, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return out, fmt.Errorf("asking the fleet's server: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(response.Body, largestMessage)) // what there is of it
		return out, fmt.Errorf("the fleet's server at %s: %s", server, strings.TrimSpace(string(said)))
	}
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil {
		return out, fmt.Errorf("reading what the fleet's server at %s says: %w", server, err)
	}
	return out, nil
}

// askWhenThere does as ask, and waits a while for a server that is being
// started.
func askWhenThere[Out, In any](ctx context.Context, server, path string, in In) (Out, error) {
	for until := time.Now().Add(startLimit); ; {
		out, err := ask[Out](ctx, server, path, in)
		if !notThere(err) || time.Now().After(until) {
			return out, err
		}
		select {
		case <-ctx.Done():
			return out, err
		case <-time.After(askAgain):
		}
	}
}

// notThere reports whether nobody listens yet, or has that name yet.
func notThere(err error) bool {
	var name *net.DNSError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &name)
}
