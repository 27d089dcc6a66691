package cshim

import (
	"bufio"
	"fmt"

	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

var roomy = Limits{Mode: Pipelining, PipelineLength: 1000, HeaderBytes: 1 << 20, ResponseBytes: 1 << 30, WindowBytes: 1 << 16, DroppedBytes: 1 << 21}

// newTestServer answers each request with its target as the body, with these
// exceptions: /silent gets no response, /long gets a megabyte, and /half gets a
// megabyte whose second half follows the next request.
func newTestServer(t testing.TB) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(connection)
		}
	}()
	return "http://" + listener.Addr().String()
}

// serve does as little as possible, so that benchmarks measure the client.
func serve(connection net.Conn) {
	defer connection.Close()
	requests := bufio.NewReaderSize(connection, 64<<10)
	answers := bufio.NewWriterSize(connection, 64<<10)
	var target, owed string
	for {
		line, err := requests.ReadSlice('\n')
		if err != nil {
			return
		}
		if fields := strings.Fields(string(line)); len(fields) == 3 {
			target = fields[0] + " " + fields[1]
		}
		if len(line) > 2 {
			continue // the header section has not ended yet
		}
		_, _ = answers.WriteString(owed)
		owed = ""
		switch {
		case target == "GET /half":
			owed = strings.Repeat("x", 1<<19)
			fmt.Fprintf(answers, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", 1<<20, owed)
		case target == "GET /silent":
			continue
		case target == "GET /long":
			fmt.Fprintf(answers, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", 1<<20, strings.Repeat("x", 1<<20))
		case strings.HasPrefix(target, "HEAD"):
			fmt.Fprintf(answers, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(target))
		default:
			fmt.Fprintf(answers, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(target), target)
		}
		if requests.Buffered() == 0 && answers.Flush() != nil {
			return
		}
	}
}

// newTestLoop makes a loop with n easy handles. The end of the test closes all
// of it.
func newTestLoop(t testing.TB, limits Limits, handles int) (*Loop, []Slot) {
	t.Helper()
	loop, err := NewLoop(limits)
	require.NoError(t, err)
	slots := make([]Slot, handles)
	for i := range slots {
		easy := newEasy(t)
		t.Cleanup(easy.Cleanup)
		slots[i], err = loop.Attach(easy.GetHandle())
		require.NoError(t, err)
	}
	t.Cleanup(loop.Close) // before the handles' Cleanup
	return loop, slots
}

// withoutBytes returns the counters of a loop without the bytes.
func withoutBytes(loop *Loop) Counters {
	counters := loop.Counters()
	counters.BytesSent, counters.BytesReceived = 0, 0
	return counters
}

func newEasy(t testing.TB) *curl.CURL {
	t.Helper()
	easy := curl.EasyInit()
	require.NoError(t, easy.Setopt(curl.OPT_NOSIGNAL, true))
	require.NoError(t, easy.Setopt(curl.OPT_PROXY, ""))
	easy.MallocFreeAfter(0)
	return easy
}

// connect gives a loop a connection to a server.
func connect(t testing.TB, loop *Loop, url string) Connection {
	t.Helper()
	dialed, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	file, err := dialed.(*net.TCPConn).File()
	require.NoError(t, err)
	require.NoError(t, dialed.Close())
	socket, err := syscall.Dup(int(file.Fd()))
	require.NoError(t, err)
	require.NoError(t, file.Close())
	connection, err := loop.Connect(socket)
	require.NoError(t, err)
	return connection
}

// needsPipelining skips a test in which requests wait for each other on one
// connection, if libcurl cannot pipeline.
func needsPipelining(t testing.TB) {
	t.Helper()
	if !Patched() {
		t.Skip("this libcurl does not pipeline HTTP/1.1")
	}
}

func request(slot Slot, url string, lines ...string) *Request {
	r := &Request{Slot: slot}
	r.Text.Start("", url)
	for _, line := range lines {
		r.Text.put(line)
	}
	return r
}

// collect runs the loop until n requests have finished, and returns the bodies
// by slot.
func collect(t testing.TB, loop *Loop, batch *Batch, count int) map[Slot]string {
	t.Helper()
	bodies := make(map[Slot]string)
	for len(bodies) < count {
		results, err := loop.Run(batch, -1)
		require.NoError(t, err)
		for _, result := range results {
			require.Zero(t, result.Code, result.Detail)
			bodies[result.Slot] = string(result.Response[result.HeaderLength:])
		}
	}
	return bodies
}

func TestBatchComesBack(t *testing.T) {
	needsPipelining(t)
	url := newTestServer(t)
	loop, slots := newTestLoop(t, roomy, 500)
	connect(t, loop, url)
	var batch Batch
	batch.Add(request(slots[0], url+"/x"))
	collect(t, loop, &batch, 1) // from now on libcurl knows that it can pipeline
	for turn := range 3 {
		for i, slot := range slots {
			batch.Add(request(slot, fmt.Sprintf("%s/%d/%d", url, turn, i), "Accept:", "X-Y: z"))
		}
		require.Equal(t, len(slots), batch.Len())
		bodies := collect(t, loop, &batch, len(slots))
		require.Zero(t, batch.Len())
		for i, slot := range slots {
			require.Equal(t, fmt.Sprintf("GET /%d/%d", turn, i), bodies[slot])
		}
	}
	require.Equal(t, Counters{SocketsOpened: 1}, withoutBytes(loop))
}

func TestGetAndHeadOnOneHandle(t *testing.T) {
	url := newTestServer(t)
	loop, slots := newTestLoop(t, roomy, 1)
	connect(t, loop, url)
	var batch Batch
	for _, head := range []bool{true, false, true, false} {
		each := request(slots[0], url+"/x")
		each.Head = head
		batch.Add(each)
		want := "GET /x"
		if head {
			want = ""
		}
		require.Equal(t, want, collect(t, loop, &batch, 1)[slots[0]])
	}
}

func TestResultHasHeaderSection(t *testing.T) {
	url := newTestServer(t)
	loop, slots := newTestLoop(t, roomy, 1)
	connect(t, loop, url)
	var batch Batch
	batch.Add(request(slots[0], url+"/x"))
	results, err := loop.Run(&batch, -1)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", string(results[0].Response[:results[0].HeaderLength]))
	require.Empty(t, results[0].Trailer)
}

func TestFailureComesBackWithItsWords(t *testing.T) {
	loop, slots := newTestLoop(t, roomy, 1)
	connect(t, loop, newTestServer(t))
	var batch Batch
	batch.Add(request(slots[0], "nonsense://x/"))
	results, err := loop.Run(&batch, -1)
	require.NoError(t, err)
	require.Len(t, results, 1)
	require.Equal(t, curl.E_UNSUPPORTED_PROTOCOL, results[0].Code)
	require.Contains(t, results[0].Detail, "nonsense")
	require.False(t, results[0].Lost)
	require.False(t, results[0].Sent)
}

// TestConnectionThatEnds breaks a connection with requests on it. They are
// lost, libcurl does not send them again, and they may be sent again on another
// connection.
func TestConnectionThatEnds(t *testing.T) {
	needsPipelining(t)
	url := newTestServer(t)
	loop, slots := newTestLoop(t, roomy, 3)
	first := connect(t, loop, url)
	var batch Batch
	batch.Add(request(slots[0], url+"/x"))
	collect(t, loop, &batch, 1)
	require.Equal(t, []News{{Connection: first, Proven: true}}, loop.News())

	for _, slot := range slots {
		batch.Add(request(slot, url+"/silent"))
	}
	results, err := loop.Run(&batch, 0)
	require.NoError(t, err)
	require.Empty(t, results)
	require.True(t, loop.Sent(slots[0]))
	loop.Break(first)
	results, err = loop.Run(&batch, -1)
	require.NoError(t, err)
	require.Len(t, results, len(slots))
	for i, result := range results {
		require.Equal(t, slots[i], result.Slot, "in their order")
		require.True(t, result.Done && result.Lost && result.Sent, "%+v", result)
	}
	require.Equal(t, []News{{Connection: first, Over: true}}, loop.News())
	require.EqualValues(t, 1, loop.Counters().SocketsOpened, "nothing was sent again")

	second := connect(t, loop, url)
	require.Equal(t, first, second, "the number is used again")
	batch.Add(&Request{Slot: slots[1], Connection: second, Again: true})
	batch.Add(request(slots[0], url+"/y"))
	_, err = loop.Run(&batch, 0)
	require.NoError(t, err)
	require.True(t, loop.Sent(slots[1]))
	loop.Disconnect(second)
	require.EqualValues(t, 2, loop.Counters().ClosedByClient)
}

// TestConnectionThatTheServerClosesAtRest requires that the loop reports the
// close at once.
func TestConnectionThatTheServerClosesAtRest(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	loop, _ := newTestLoop(t, roomy, 0)
	connection := connect(t, loop, "http://"+listener.Addr().String())
	accepted, err := listener.Accept()
	require.NoError(t, err)
	require.NoError(t, accepted.Close())
	var batch Batch
	results, err := loop.Run(&batch, -1)
	require.NoError(t, err)
	require.Empty(t, results)
	require.Equal(t, []News{{Connection: connection, Over: true}}, loop.News())
	require.EqualValues(t, 1, loop.Counters().ClosedByServer)
}

func TestWake(t *testing.T) {
	loop, slots := newTestLoop(t, roomy, 1)
	url := newTestServer(t)
	connect(t, loop, url)
	var batch Batch
	loop.Wake() // called before Run, it is not lost
	results, err := loop.Run(&batch, -1)
	require.NoError(t, err)
	require.Empty(t, results)

	batch.Add(request(slots[0], url+"/silent"))
	for range 1000 {
		var group sync.WaitGroup
		group.Go(loop.Wake)
		results, err = loop.Run(&batch, -1)
		require.NoError(t, err)
		require.Empty(t, results)
		group.Wait()
	}
}

func TestRunWithinATime(t *testing.T) {
	loop, slots := newTestLoop(t, roomy, 1)
	url := newTestServer(t)
	connect(t, loop, url)
	var batch Batch
	batch.Add(request(slots[0], url+"/silent"))
	for _, wait := range []time.Duration{0, time.Microsecond, 20 * time.Millisecond} {
		start := time.Now()
		results, err := loop.Run(&batch, wait)
		require.NoError(t, err)
		require.Empty(t, results)
		require.GreaterOrEqual(t, time.Since(start), wait)
	}
}

func TestDrop(t *testing.T) {
	needsPipelining(t)
	url := newTestServer(t)
	loop, slots := newTestLoop(t, roomy, 2)
	connect(t, loop, url)
	var batch Batch
	batch.Add(request(slots[0], url+"/x"))
	collect(t, loop, &batch, 1) // from now on libcurl knows that it can pipeline
	batch.Add(request(slots[0], url+"/half"))
	results, err := loop.Run(&batch, 0)
	require.NoError(t, err)
	require.Empty(t, results)
	loop.Drop(slots[0])
	batch.Add(request(slots[1], url+"/next"))
	bodies := collect(t, loop, &batch, 2)
	require.Equal(t, map[Slot]string{slots[0]: "", slots[1]: "GET /next"}, bodies)
	require.Equal(t, Counters{SocketsOpened: 1}, withoutBytes(loop))
}

func TestBounds(t *testing.T) {
	url := newTestServer(t)
	limits := roomy
	limits.ResponseBytes, limits.DroppedBytes = 1000, 500_000
	loop, slots := newTestLoop(t, limits, 1)
	connect(t, loop, url)
	var batch Batch
	batch.Add(request(slots[0], url+"/long"))
	var results []Result
	for len(results) == 0 {
		var err error
		results, err = loop.Run(&batch, -1)
		require.NoError(t, err)
	}
	require.True(t, results[0].TooLarge)
	require.True(t, results[0].GivenUp)
	require.Empty(t, results[0].Response)
	require.Equal(t, Counters{SocketsOpened: 1, SocketsClosed: 1, ClosedByClient: 1, GivenUp: 1}, withoutBytes(loop))
	connect(t, loop, url)
	batch.Add(request(slots[0], url+"/next"))
	require.Equal(t, "GET /next", collect(t, loop, &batch, 1)[slots[0]])
}

func TestMovement(t *testing.T) {
	url := newTestServer(t)
	loop, slots := newTestLoop(t, roomy, 2)
	connection := connect(t, loop, url)
	var batch Batch
	batch.Add(request(slots[0], url+"/x"))
	collect(t, loop, &batch, 1)
	batch.Add(request(slots[0], url+"/silent"))
	_, err := loop.Run(&batch, 0)
	require.NoError(t, err)
	// from now on the server has all of it, and sends nothing
	settled := func() bool {
		before := loop.Movement(connection)
		_, err := loop.Run(&batch, 10*time.Millisecond)
		return err == nil && before == loop.Movement(connection)
	}
	require.Eventually(t, settled, time.Minute, time.Millisecond)
	before := loop.Movement(connection)
	batch.Add(request(slots[1], url+"/y"))
	require.Eventually(t, func() bool {
		_, err := loop.Run(&batch, time.Millisecond)
		return err == nil && loop.Movement(connection) != before
	}, time.Minute, time.Millisecond)
}

func TestDetach(t *testing.T) {
	url := newTestServer(t)
	loop, slots := newTestLoop(t, roomy, 3)
	connect(t, loop, url)
	var batch Batch
	batch.Add(request(slots[1], url+"/silent"))
	_, err := loop.Run(&batch, 0)
	require.NoError(t, err)
	loop.Detach(slots[1]) // with a request on the wire
	loop.Detach(slots[1])
	_, err = loop.Run(&batch, -1)
	require.NoError(t, err)
	require.True(t, loop.News()[0].Over, "that cost the connection")
	connect(t, loop, url)

	easy := newEasy(t)
	slot, err := loop.Attach(easy.GetHandle())
	require.NoError(t, err)
	require.Equal(t, slots[1], slot, "the slot is used again")
	batch.Add(request(slot, url+"/x"))
	require.Equal(t, "GET /x", collect(t, loop, &batch, 1)[slot])
	loop.Detach(slot)
	// the handle belongs to its owner again
	var body strings.Builder
	require.NoError(t, easy.Setopt(curl.OPT_WRITEFUNCTION, func(data []byte, _ any) bool {
		body.Write(data)
		return true
	}))
	require.NoError(t, easy.Perform())
	require.Equal(t, "GET /x", body.String())
	easy.Cleanup()
}

func TestClosedLoop(t *testing.T) {
	url := newTestServer(t)
	loop, slots := newTestLoop(t, roomy, 1)
	connection := connect(t, loop, url)
	var batch Batch
	batch.Add(request(slots[0], url+"/x"))
	collect(t, loop, &batch, 1)
	loop.Close()
	loop.Close()
	loop.Wake()
	loop.Drop(slots[0])
	loop.Detach(slots[0])
	require.Zero(t, loop.Movement(connection))
	require.Equal(t, Counters{SocketsOpened: 1, SocketsClosed: 1, ClosedByClient: 1}, withoutBytes(loop))
	_, err := loop.Connect(0)
	require.ErrorIs(t, err, ErrClosed)
	_, err = loop.Run(&batch, 0)
	require.ErrorIs(t, err, ErrClosed)
	_, err = loop.Attach(nil)
	require.ErrorIs(t, err, ErrClosed)
}

func TestLimitsAreChecked(t *testing.T) {
	_, err := NewLoop(Limits{})
	require.ErrorContains(t, err, "has to be positive")
}

func TestWakeRacesWithClose(t *testing.T) {
	for range 100 {
		loop, err := NewLoop(roomy)
		require.NoError(t, err)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				loop.Wake()
				_ = loop.Counters()
			})
		}
		loop.Close()
		group.Wait()
	}
}

func BenchmarkCrossing(b *testing.B) {
	loop, _ := newTestLoop(b, roomy, 0)
	var batch Batch
	for b.Loop() {
		_, _ = loop.Run(&batch, 0)
	}
}

func BenchmarkWake(b *testing.B) {
	loop, _ := newTestLoop(b, roomy, 0)
	for b.Loop() {
		loop.Wake()
	}
}

// BenchmarkRequests keeps a fixed number of requests in flight; an operation is
// one request. The server runs in the same process.
func BenchmarkRequests(b *testing.B) {
	for _, depth := range []int{1, 16, 100, 500} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			url := newTestServer(b)
			loop, slots := newTestLoop(b, roomy, depth)
			connect(b, loop, url)
			var batch Batch
			batch.Add(request(slots[0], url+"/"))
			collect(b, loop, &batch, 1)
			template := request(0, url+"/", "Accept:", "User-Agent: bench")
			crossings, sent, finished := 0, 0, 0
			b.ReportAllocs()
			b.ResetTimer()
			for ; sent < min(depth, b.N); sent++ {
				template.Slot = slots[sent]
				batch.Add(template)
			}
			for finished < b.N {
				results, err := loop.Run(&batch, -1)
				if err != nil {
					b.Fatal(err)
				}
				crossings++
				for _, result := range results {
					finished++
					if sent < b.N {
						template.Slot = result.Slot
						batch.Add(template)
						sent++
					}
				}
			}
			b.ReportMetric(float64(b.N)/float64(crossings), "requests/crossing")
		})
	}
}

// Many loops sleep at the same time, and long batches are rare.
func TestAnEmptyBatchHoldsLittle(t *testing.T) {
	loop, err := NewLoop(roomy)
	require.NoError(t, err)
	defer loop.Close()
	var batch Batch
	for _, text := range []int{keptText / 2, 3 * keptText} {
		batch.Add(&Request{Text: make(Text, text)})
		batch.reset()
		held := cap(batch.text)
		_, err = loop.Run(&batch, 0)
		require.NoError(t, err)
		if held <= keptText {
			require.Equal(t, held, cap(batch.text), "is used again")
		} else {
			require.Zero(t, cap(batch.text))
		}
	}
}
