package curlpipe

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// chaosRequests is the number of requests of each variant, unless
// CURLPIPE_CHAOS sets another.
const chaosRequests = 2500

const (
	chaosCallers = 24
	chaosHosts   = 4
	// Average number of bytes, both ways together, after which a connection is
	// cut. A handshake has 2 kB, and most responses are smaller.
	chaosBytes = 30_000
)

// cutter relays TCP connections to a server in pieces of random size, and cuts
// them at any byte of either direction, with a FIN or a RST, towards the client,
// the server or both. Every protocol above TCP is thus cut at every possible
// place.
type cutter struct {
	to     string
	resets atomic.Int64
	closes atomic.Int64
}

func newCutter(t *testing.T, to string, seed uint64) (address string, c *cutter) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	c = &cutter{to: to}
	go func() {
		for number := uint64(0); ; number++ {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go c.relay(client.(*net.TCPConn), rand.New(rand.NewPCG(seed, number)))
		}
	}()
	return listener.Addr().String(), c
}

// relay serves one connection until it is cut, or ends by itself.
func (c *cutter) relay(client *net.TCPConn, dice *rand.Rand) {
	defer client.Close()
	connection, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	server := connection.(*net.TCPConn)
	defer server.Close()
	var left atomic.Int64
	left.Store(int64(dice.ExpFloat64() * chaosBytes))
	resets, halfway := dice.IntN(2) == 0, dice.IntN(3) == 0
	var once sync.Once
	cut := func() {
		if resets {
			c.resets.Add(1)
			_ = client.SetLinger(0)
			_ = server.SetLinger(0)
		} else {
			c.closes.Add(1)
		}
		_ = server.Close()
		if halfway && !resets { // the client may continue to write
			_ = client.CloseWrite()
			_, _ = io.Copy(io.Discard, client)
		}
		_ = client.Close()
	}
	var group sync.WaitGroup
	pump := func(to, from *net.TCPConn, dice *rand.Rand) {
		buffer := make([]byte, 16<<10)
		for {
			n, err := from.Read(buffer[:1+dice.IntN(len(buffer))])
			beyond := -left.Add(-int64(n))
			if beyond >= 0 {
				_, _ = to.Write(buffer[:max(0, int64(n)-beyond)])
				once.Do(cut)
				return
			}
			if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
				_ = to.CloseWrite()
				return
			}
		}
	}
	there, back := rand.New(rand.NewPCG(dice.Uint64(), 1)), rand.New(rand.NewPCG(dice.Uint64(), 2))
	group.Go(func() { pump(server, client, there) })
	group.Go(func() { pump(client, server, back) })
	group.Wait()
}

// chaosText is the body of a request, and of the response to it.
func chaosText(id string) string {
	hash := fnv.New32a()
	_, _ = io.WriteString(hash, id)
	words := int(hash.Sum32() % 40)
	if hash.Sum32()%97 == 0 {
		words = 6000
	}
	return strings.Repeat(id+" ", words)
}

// chaos is an honest server behind cutters, and what it has carried out.
type chaos struct {
	t        *testing.T
	carried  *ledger
	whole    atomic.Int64 // responses
	cut      atomic.Int64 // bodies that failed
	failed   atomic.Int64 // requests that did
	canceled atomic.Int64
}

func (c *chaos) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	id := request.Method + " " + request.URL.Path
	body, err := io.ReadAll(request.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // not carried out
	}
	if hasChaosBody(request.Method) && string(body) != chaosText(id) {
		c.t.Errorf("%s came with another body, of %d bytes: %.60q", id, len(body), body)
	}
	c.carried.book(id)
	writer.Header().Set("Id", id)
	text := chaosText(id)
	if len(text)%2 == 0 {
		writer.Header().Set("Content-Length", strconv.Itoa(len(text)))
	}
	_, _ = io.WriteString(writer, text)
}

func hasChaosBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// one sends a request and checks its result.
func (c *chaos) one(transport *Transport, target, path string, dice *rand.Rand) {
	method := []string{"GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"}[dice.IntN(9)]
	id := method + " " + path
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	leaves := dice.IntN(12) == 0
	if leaves {
		defer time.AfterFunc(time.Duration(dice.IntN(4000))*time.Microsecond, cancel).Stop()
	}
	var body io.Reader
	if hasChaosBody(method) {
		body = strings.NewReader(chaosText(id))
		if dice.IntN(3) == 0 {
			body = io.MultiReader(body) // hides the length
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, target+path, body)
	if err != nil {
		c.t.Error(err)
		return
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		c.judge(id, err, leaves, &c.failed)
		return
	}
	defer response.Body.Close()
	if came := response.Header.Get("Id"); response.StatusCode != http.StatusOK || came != id {
		c.t.Errorf("%s was answered with %s of %q", id, response.Status, came)
	}
	want := chaosText(id)
	if method == http.MethodHead {
		want = ""
	}
	if dice.IntN(20) == 0 { // turns away in the middle
		want = want[:dice.IntN(len(want)+1)]
		text, err := io.ReadAll(io.LimitReader(response.Body, int64(len(want))))
		c.compare(id, string(text), want, err, leaves)
		return
	}
	text, err := io.ReadAll(response.Body)
	c.compare(id, string(text), want, err, leaves)
}

// compare compares a body with the expected one.
func (c *chaos) compare(id, text, want string, err error, leaves bool) {
	switch {
	case err == nil && text == want:
		c.whole.Add(1)
	case err == nil || !strings.HasPrefix(want, text):
		c.t.Errorf("%s: %d bytes instead of %d (%.60q), error %v", id, len(text), len(want), text, err)
	default:
		c.judge(id, err, leaves, &c.cut)
	}
}

// judge checks that a cut, or the caller, can have caused an error.
func (c *chaos) judge(id string, err error, leaves bool, count *atomic.Int64) {
	if errors.Is(err, context.Canceled) {
		if !leaves {
			c.t.Errorf("%s: %v, and nobody has canceled it", id, err)
		}
		c.canceled.Add(1)
		return
	}
	count.Add(1)
	for _, known := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED} {
		if errors.Is(err, known) {
			return
		}
	}
	c.t.Errorf("%s: %v (%#v)", id, err, errors.Unwrap(err))
}

// TestChaosOfCuts cuts the connections under requests of all kinds at any byte.
// A caller without an error gets its own whole response, and a caller with an
// error gets the beginning of it. The server gets whole requests, and processes
// no request with a non-idempotent method twice. Nothing hangs.
func TestChaosOfCuts(t *testing.T) {
	notShort(t)
	count := chaosRequests
	if text := os.Getenv("CURLPIPE_CHAOS"); text != "" {
		var err error
		count, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	for name, each := range map[string]struct {
		overTLS   bool
		transport *Transport
	}{
		"tls":                   {true, &Transport{}},
		"tls, record by record": {true, &Transport{DisableCoalescing: true}},
		"plain":                 {false, &Transport{}},
	} {
		t.Run(name, func(t *testing.T) { runChaos(t, count, each.overTLS, each.transport) })
	}
}

func runChaos(t *testing.T, count int, overTLS bool, transport *Transport) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c := &chaos{t: t, carried: &ledger{count: make(map[string]int)}}
	s := newServer(t, overTLS, c.ServeHTTP)
	scheme := strings.Split(s.URL, ":")[0]
	var hosts []string
	var cutters []*cutter
	for i := range chaosHosts {
		address, made := newCutter(t, s.Listener.Addr().String(), seed+uint64(i))
		hosts = append(hosts, scheme+"://"+address)
		cutters = append(cutters, made)
	}
	transport.MaxConnsPerHost, transport.MaxPipelineDepth, transport.MaxRetries = 2, 10, 3
	newTestTransport(t, s, transport)
	begun := time.Now()
	var group sync.WaitGroup
	for caller := range chaosCallers {
		group.Go(func() {
			dice := rand.New(rand.NewPCG(seed, uint64(caller)))
			for i := range (count + chaosCallers - 1) / chaosCallers {
				c.one(transport, hosts[dice.IntN(len(hosts))], fmt.Sprintf("/%d/%d", caller, i), dice)
			}
		})
	}
	group.Wait()
	took := time.Since(begun)
	require.NoError(t, transport.Close()) // nothing is in flight any more
	s.Server.CloseClientConnections()
	var resets, closes int64
	for _, each := range cutters {
		resets += each.resets.Load()
		closes += each.closes.Load()
	}
	stats := transport.Stats()
	t.Logf("%d requests in %s: %d whole, %d cut in the body, %d failed, %d canceled; %d resets, %d closes; %+v", count, took.Round(time.Millisecond),
		c.whole.Load(), c.cut.Load(), c.failed.Load(), c.canceled.Load(), resets, closes, stats)
	c.carried.mutex.Lock()
	defer c.carried.mutex.Unlock()
	var carried uint64
	for id, n := range c.carried.count {
		if method, _, _ := strings.Cut(id, " "); n > 1 && !idempotent(method) {
			t.Errorf("%s was carried out %d times", id, n)
		}
		carried += uint64(n)
	}
	require.LessOrEqual(t, carried, stats.Requests+stats.Retries, "Stats count each sending")
	require.Positive(t, resets)
	require.Positive(t, closes)
	require.Positive(t, c.failed.Load())
	require.Greater(t, c.whole.Load(), int64(count/2))
}
