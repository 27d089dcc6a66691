package openssl

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// demo returns c-demo with the patched libcurl.
func demo(t *testing.T) *exec.Cmd {
	path := filepath.Join("..", "..", "..", "..", "build", "subjects", "c-demo")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("c-demo is not built (%v); run scripts/build-subjects", err)
	}
	cache, err := library.DefaultCache()
	require.NoError(t, err)
	patched, err := (&library.Finder{Cache: cache}).Find("patched")
	require.NoError(t, err)
	command := exec.Command(path)
	command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+patched.LoaderPath())
	return command
}

// answerAll answers the requests on one connection, and sends a TLS message
// after every fifth response.
func answerAll(stream *Stream, event func(*Stream) error) error {
	requests := bufio.NewReader(stream)
	for n := 1; ; n++ {
		request, err := http.ReadRequest(requests)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("request %d: %w", n, err)
		}
		id := request.Header.Get(plan.RequestIDField)
		response := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: 700\r\n%s: %s\r\n\r\n", plan.RequestIDField, id)
		if _, err := stream.Write(append(response, plan.Body(id, 700)...)); err != nil {
			return fmt.Errorf("response %d: %w", n, err)
		}
		if n%5 == 0 {
			if err := event(stream); err != nil {
				return err
			}
		}
	}
}

// libcurl pipelines through each event on one connection.
func TestLibcurlStaysConnected(t *testing.T) {
	for _, c := range []struct {
		name, version string
		event         func(*Stream) error
		message       string // that is sent
		reply         string // that the client sends, if any
	}{
		{"nothing", "1.2", func(*Stream) error { return nil }, HelloRequest, ""},
		{"renegotiation", "1.2", (*Stream).Renegotiate, HelloRequest, ClientHello},
		{"KeyUpdate", "1.3", func(s *Stream) error { return s.KeyUpdate(false) }, KeyUpdate, ""},
		{"KeyUpdate requested", "1.3", func(s *Stream) error { return s.KeyUpdate(true) }, KeyUpdate, KeyUpdate},
		{"ticket", "1.3", (*Stream).SendTicket, NewSessionTicket, ""},
	} {
		for _, driver := range []string{plan.DriverPerform, plan.DriverSocket} {
			t.Run(c.name+"/"+driver, func(t *testing.T) {
				const n = 23
				s := newServer(t, c.version)
				p := &plan.Plan{
					URL: "https://" + s.listener.Addr().String(), CAFile: s.authority(), TLS: c.version, Driver: driver,
					MaxHostConnections: 1, Pipelining: 1, MaxPipelineLength: 4, StallLimitMS: 5000,
				}
				for i := range n {
					id := fmt.Sprintf("r%02d", i)
					p.Requests = append(p.Requests, plan.Request{ID: id, Method: "GET", Path: "/" + id, HeaderBytes: 6000})
				}
				input, err := json.Marshal(p)
				require.NoError(t, err)
				command := demo(t)
				command.Stdin = bytes.NewReader(input)
				var stderr bytes.Buffer
				command.Stderr = &stderr
				ran := make(chan []byte, 1)
				go func() {
					output, _ := command.Output()
					s.listener.Close() // wakes the goroutine that waits for a client that never came
					ran <- output
				}()

				stream := s.accept()
				require.NoError(t, answerAll(stream, c.event))
				var report plan.Report
				require.NoError(t, json.Unmarshal(<-ran, &report), "stderr: %s", &stderr)
				require.Len(t, report.Results, n)
				for _, r := range report.Results {
					require.True(t, r.Answered, "%+v", r)
					require.Equal(t, r.ID, r.BodyID)
				}
				if c.name != "nothing" {
					require.GreaterOrEqual(t, stream.Count(true, c.message), n/5)
				}
				if c.reply != "" {
					require.Positive(t, stream.Count(false, c.reply))
				}
				require.Equal(t, stream.Count(true, HelloRequest), stream.Renegotiations())
			})
		}
	}
}
