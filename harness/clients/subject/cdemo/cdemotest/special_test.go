package cdemotest

import (
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// CURLcodes that the tests expect.
const (
	writeError        = 23
	operationTimedOut = 28
)

// seen is a request as the origin saw it.
type seen struct {
	method, user, password string
	body                   []byte
}

// record answers each request at once, after it has passed on what it saw.
func record(arrived chan<- seen) serve {
	return func(e exchange) {
		for request := e.next(); request != nil; request = e.next() {
			var s seen
			s.method = request.Method
			s.user, s.password, _ = request.BasicAuth()
			s.body, _ = io.ReadAll(request.Body)
			id := request.Header.Get(plan.RequestIDField)
			if request.Method == "HEAD" {
				fmt.Fprintf(e, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Request-Id: %s\r\n\r\n", bodySize, id)
			} else {
				e.answer(id)
			}
			arrived <- s
		}
	}
}

func TestSpecialRequests(t *testing.T) {
	for name, each := range map[string]struct {
		change  func(*plan.Request)
		arrives seen
		gets    plan.Result
	}{
		"HEAD": {
			func(r *plan.Request) { r.Method = "HEAD" }, seen{method: "HEAD", body: []byte{}},
			plan.Result{ID: "r00", Answered: true, Status: 200, BodyHash: plan.Hash(nil), TimesCompleted: 1},
		},
		"POST": {
			func(r *plan.Request) { r.Method, r.BodyBytes = "POST", 100 },
			seen{method: "POST", body: plan.Body("r00", 100)}, ownResponse("r00"),
		},
		"custom method": {
			func(r *plan.Request) { r.CustomMethod = "DELETE" }, seen{method: "DELETE", body: []byte{}}, ownResponse("r00"),
		},
		"credentials": {
			func(r *plan.Request) { r.Credentials = "alice:secret" },
			seen{method: "GET", user: "alice", password: "secret", body: []byte{}}, ownResponse("r00"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			forEachDriver(t, func(t *testing.T, driver string) {
				arrived := make(chan seen, 1)
				p := newPlan(newOrigin(t, 0, record(arrived)), 0, driver, 1)
				each.change(&p.Requests[0])
				r := run(t, p, sanitizedDemo)
				require.Equal(t, []plan.Result{each.gets}, r.Results)
				require.Equal(t, each.arrives, <-arrived)
			})
		})
	}
}

func TestAbortedByTheWriteCallback(t *testing.T) {
	forEachDriver(t, func(t *testing.T, driver string) {
		p := newPlan(newOrigin(t, 0, answerEach), 0, driver, 3)
		p.Requests[1].AbortAtBytes = 1
		r := run(t, p, demo)
		require.Equal(t, ownResponse("r00"), r.Results[0])
		require.Equal(t, writeError, r.Results[1].CurlCode)
		require.False(t, r.Results[1].Answered)
		require.Equal(t, ownResponse("r02"), r.Results[2])
	})
}

func TestTimeoutOfOneRequest(t *testing.T) {
	forEachDriver(t, func(t *testing.T, driver string) {
		o := newOrigin(t, 0, func(e exchange) {
			for request := e.next(); request != nil; request = e.next() {
				// nobody is ever answered
			}
		})
		p := newPlan(o, 0, driver, 1)
		p.Requests[0].TimeoutMS = 50
		r := run(t, p, demo)
		require.Equal(t, operationTimedOut, r.Results[0].CurlCode)
	})
}

func TestRedirectIsFollowedWhenAskedFor(t *testing.T) {
	for _, follow := range []bool{false, true} {
		t.Run(fmt.Sprint(follow), func(t *testing.T) {
			forEachDriver(t, func(t *testing.T, driver string) {
				o := newOrigin(t, 0, func(e exchange) {
					for request := e.next(); request != nil; request = e.next() {
						if request.URL.Path == "/r00" {
							fmt.Fprint(e, "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")
							continue
						}
						e.answer(request.Header.Get(plan.RequestIDField))
					}
				})
				p := newPlan(o, 0, driver, 1)
				p.FollowRedirects = follow
				r := run(t, p, demo)
				if follow {
					require.Equal(t, ownResponse("r00"), r.Results[0])
				} else {
					require.Equal(t, 302, r.Results[0].Status)
				}
			})
		})
	}
}

func TestSmallReceiveBuffer(t *testing.T) {
	forEachDriver(t, func(t *testing.T, driver string) {
		p := newPlan(newOrigin(t, 0, answerEach), 0, driver, 2)
		p.ReceiveBuffer = 64
		requireOwnResponses(t, run(t, p, demo), requestIDs(2))
	})
}
