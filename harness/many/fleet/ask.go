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
	// ready yet, startLimit the longest wait for it.
	askAgain   = 200 * time.Millisecond
	startLimit = time.Minute
)

// say sends one message to the server. The answer is in the response's body,
// which the caller closes.
func say(ctx context.Context, server, path string, in any) (*http.Response, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(server, "/")+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking the fleet's server: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		said, _ := io.ReadAll(io.LimitReader(response.Body, largestMessage)) // what there is of it
		return nil, fmt.Errorf("the fleet's server at %s: %s", server, strings.TrimSpace(string(said)))
	}
	return response, nil
}

// hear decodes the server's answer.
func hear(server string, response *http.Response, out any) error {
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return fmt.Errorf("reading the answer of the fleet's server at %s: %w", server, err)
	}
	return nil
}

// ask sends one message to the server and returns its answer.
func ask[Out, In any](ctx context.Context, server, path string, in In) (out Out, err error) {
	response, err := say(ctx, server, path, in)
	if err != nil {
		return out, err
	}
	defer response.Body.Close()
	return out, hear(server, response, &out)
}

// presence is a shard's part in a run. It lasts as long as the connection with
// which the shard began, so that the server notices a shard that dies.
type presence struct {
	greeting
	response *http.Response
}

// leave ends it.
func (p *presence) leave() { _ = p.response.Body.Close() }

// attend begins a run. It waits a while for a server that is being started, and
// calls waiting, if not nil, when it does. The caller must call leave.
func attend(ctx context.Context, server string, b beginning, waiting func(limit time.Duration)) (*presence, error) {
	for until := time.Now().Add(startLimit); ; {
		response, err := say(ctx, server, pathBegin, b)
		if err == nil {
			p := &presence{response: response}
			if err = hear(server, response, &p.greeting); err != nil {
				p.leave()
				return nil, err
			}
			return p, nil
		}
		if !notThere(err) {
			return nil, err
		}
		if time.Now().After(until) {
			return nil, fmt.Errorf("%w, for %s; pipelab fleet serve prints the URL of one", err, startLimit)
		}
		if waiting != nil {
			waiting(startLimit)
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(askAgain):
		}
	}
}

// notThere reports whether the server does not listen yet, or its name does not
// resolve yet.
func notThere(err error) bool {
	var name *net.DNSError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &name)
}
