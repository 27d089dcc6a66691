package curlpipe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// modelRequests is the number of requests that TestModelOfSendings makes over
// HTTP/1.1, unless CURLPIPE_MODEL sets another. Over HTTP/2 it makes a quarter of
// them.
const modelRequests = 6000

// ledger counts how often servers have processed each request.
type ledger struct {
	mutex sync.Mutex
	count map[string]int
}

func (l *ledger) book(request string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.count[request]++
}

// fickleServer answers HTTP/1.1 requests, records each one that it has read,
// and closes connections at random: before an answer, within one, after one,
// announced or not, with a FIN or a RST.
func fickleServer(t *testing.T, book *ledger, seed uint64) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for n := seed; ; n++ {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go serveFickly(connection.(*net.TCPConn), book, rand.New(rand.NewPCG(n, 1)))
		}
	}()
	return listener.Addr().String()
}

func serveFickly(connection *net.TCPConn, book *ledger, dice *rand.Rand) {
	defer connection.Close()
	requests := bufio.NewReader(connection)
	for {
		request, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		if _, err = io.Copy(io.Discard, request.Body); err != nil {
			return
		}
		id := request.Method + " " + request.URL.Path
		book.book(id)
		fate := dice.IntN(100)
		if fate < 6 && dice.IntN(2) == 0 {
			_ = connection.SetLinger(0)
		}
		announced := ""
		if fate >= 10 && fate < 12 {
			announced = "Connection: close\r\n"
		}
		answer := fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", announced, len(id), id)
		switch {
		case fate < 4: // says nothing
			return
		case fate < 6: // breaks off
			_, _ = io.WriteString(connection, answer[:len(answer)/2])
			return
		}
		_, _ = io.WriteString(connection, answer)
		if fate < 12 {
			return
		}
	}
}

// TestModelOfSendings has callers send requests of every kind to many fickle
// servers, whose names have several spellings. It cancels some requests and
// closes idle connections at random. No request with a non-idempotent method is
// processed twice, no answered request is, each caller gets its own response,
// and Stats counts each attempt.
func TestModelOfSendings(t *testing.T) {
	notShort(t)
	count := modelRequests
	if text := os.Getenv("CURLPIPE_MODEL"); text != "" {
		var err error
		count, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	t.Run("HTTP/1.1", func(t *testing.T) { modelSendings(t, count, "http", 80, fickleServer) })
	t.Run("HTTP/2", func(t *testing.T) {
		needsMultiplexing(t)
		modelSendings(t, count/4, "https", 30, fickleHTTP2Server)
	})
}

func modelSendings(t *testing.T, count int, scheme string, servers int, start func(*testing.T, *ledger, uint64) string) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	book := &ledger{count: make(map[string]int)}
	var hosts []string
	for i := range servers {
		address := start(t, book, seed+uint64(i)<<32)
		_, port, _ := net.SplitHostPort(address)
		hosts = append(hosts, address, "LocalHost:"+port, "localhost:"+port)
	}
	transport := newTestTransport(t, nil, &Transport{MaxPipelineDepth: 20, InsecureSkipVerify: true, Resolve: resolveAll(hosts)})
	client := &http.Client{Transport: transport}
	answered := &ledger{count: make(map[string]int)}
	var group sync.WaitGroup
	for worker := range 24 {
		group.Go(func() {
			dice := rand.New(rand.NewPCG(seed, uint64(worker)))
			for i := range count / 24 {
				if dice.IntN(50) == 0 {
					transport.CloseIdleConnections()
				}
				sendOne(t, client, answered, dice, scheme, hosts, fmt.Sprintf("/%d/%d", worker, i))
			}
		})
	}
	group.Wait()
	require.NoError(t, transport.Close()) // nothing is in flight any more
	stats := transport.Stats()
	book.mutex.Lock()
	defer book.mutex.Unlock()
	for id, n := range book.count {
		if method, _, _ := strings.Cut(id, " "); n > 1 && !idempotent(method) {
			t.Errorf("%s was carried out %d times", id, n)
		}
	}
	for id := range answered.count {
		require.Positive(t, book.count[id], "%s was answered and not carried out", id)
	}
	var sendings uint64
	for _, n := range book.count {
		sendings += uint64(n)
	}
	require.LessOrEqual(t, sendings, stats.Requests+stats.Retries, "Stats count each sending")
	require.EqualValues(t, stats.Requests, stats.Answered+stats.Failed+stats.Abandoned)
	t.Logf("%d carried out of %d, %+v", sendings, count, stats)
	require.Zero(t, stats.InFlight+stats.Queued)
	require.Positive(t, stats.Retries)
}

func resolveAll(hosts []string) (lines []string) {
	for _, host := range hosts {
		if name, port, _ := net.SplitHostPort(host); name == "localhost" {
			lines = append(lines, "localhost:"+port+":127.0.0.1")
		}
	}
	return lines
}

// sendOne sends a request of a random kind, and checks that the response is its
// own.
func sendOne(t *testing.T, client *http.Client, answered *ledger, dice *rand.Rand, scheme string, hosts []string, path string) {
	method := []string{"GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "PATCH", "BREW"}[dice.IntN(9)]
	ctx := context.Background()
	if dice.IntN(20) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(dice.IntN(3000))*time.Microsecond)
		defer cancel()
	}
	var body io.Reader
	if method == "POST" || method == "PUT" || method == "PATCH" {
		body = strings.NewReader(strings.Repeat("x", dice.IntN(3000)))
	}
	// few hosts for a while, so that connections are shared, then others
	host := hosts[dice.IntN(8)]
	if dice.IntN(3) == 0 {
		host = hosts[dice.IntN(len(hosts))]
	}
	request, err := http.NewRequestWithContext(ctx, method, scheme+"://"+host+path, body)
	if err != nil {
		t.Error(err)
		return
	}
	request.Header.Set("Id", unsqueezed(method+" "+path))
	response, err := client.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	id := method + " " + path
	if err == nil && string(text) != id {
		t.Errorf("%s was answered with %q", id, text)
	}
	if err == nil {
		answered.book(id)
	} else if errors.Is(err, io.EOF) {
		t.Errorf("%s: %v", id, err)
	}
}
