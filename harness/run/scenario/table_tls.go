package scenario

import (
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// writer is a client that sends more than a stalled origin accepts.
func writer(tls string) Client {
	return Client{
		Requests:          20,
		AnyFrom:           12,
		HeaderBytes:       Range{12000, 15000},
		BodyBytes:         Range{500, 900},
		TLS:               tls,
		SendBuffer:        16 << 10,
		MaxPipelineLength: 50,
	}
}

// tlsMessages has the scenarios in which TLS sends messages of its own while
// requests are in flight.
var tlsMessages = []Scenario{
	{
		ID: "renegotiate-while-writing",
		Summary: "The server asks for a new handshake while a write is blocked. The handshake takes place between later writes, or " +
			"within a write, which then returns WANT_READ.",
		Client: writer(plan.TLS12),
		Origin: whileStuck(Answer{Event: HelloRequest}),
		Expect: Expect{
			MinBlockedWrites: 1, MinTLSAnswers: 1,
			Stock: always("bad write retries"),
		},
	},
	{
		ID: "renegotiate-quiet",
		Summary: "The server asks for a new handshake and delays it: a write waits for data from the server although the socket " +
			"is writable.",
		Client: Client{
			Requests:          5,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
			Steps:             []Step{{OnSignal: "add", Do: plan.DoAdd, Request: 4}},
		},
		Origin: Origin{Places: []Place{{Connections: 1, Request: 1, Answer: Answer{
			Hold: HoldRest, Event: HelloRequest, Signal: "add", Linger: 400 * time.Millisecond,
		}}}},
		Expect: Expect{
			MinBlockedWrites: 1, MinWantRead: 1, MinTLSAnswers: 1,
			Stock: []Defect{{What: "the socket is watched for the wrong direction", Driver: plan.DriverPerform}},
		},
	},
	{
		ID:      "keyupdate-while-writing",
		Summary: "The server sends a KeyUpdate, and asks for one, while a write is blocked.",
		Client:  writer(plan.TLS13),
		Origin:  whileStuck(Answer{Event: KeyUpdate}),
		Expect:  Expect{MinBlockedWrites: 1, MinTLSAnswers: 1, Stock: always("bad write retries")},
	},
	{
		ID:      "want-write-while-reading",
		Summary: "The server asks for a new handshake while the client reads and its socket is full, so a read returns WANT_WRITE.",
		Client: func() Client {
			c := pipelined(6, plan.TLS12)
			c.BlockedReads = 1
			return c
		}(),
		Origin: Origin{Places: []Place{
			{Connections: 1, Request: 1, Answer: Answer{Hold: HoldRest, Event: HelloRequest}},
		}},
		Expect: Expect{
			MinTLSAnswers: 1, MinBlockedReads: 1,
			Stock: always("a read that needs to write waits for data"),
		},
	},
}

// oneByOne is a client that makes each request after the previous response, so
// that the connection is idle in between.
func oneByOne(requests int, tls string) Client {
	c := pipelined(requests, tls)
	for number := 1; number < requests; number++ {
		c.Steps = append(c.Steps, Step{OnCompleted: number, Do: plan.DoAdd, Request: number})
	}
	return c
}

// restingStock are stock's defects when something arrives on an idle
// connection.
var restingStock = always("an idle connection with unread data counts as dead")

// atRest has the scenarios in which TLS sends a message while no request is in
// flight.
var atRest = []Scenario{
	{
		ID:      "idle-keyupdate",
		Summary: "A KeyUpdate follows each response.",
		Client:  oneByOne(6, plan.TLS13),
		Origin:  Origin{EveryAnswer: Answer{EventAfter: KeyUpdate}},
		Expect:  Expect{MinTLSAnswers: 1, Stock: restingStock},
	},
	{
		ID:      "idle-late-ticket",
		Summary: "One more NewSessionTicket follows each response.",
		Client:  oneByOne(6, plan.TLS13),
		Origin:  Origin{EveryAnswer: Answer{EventAfter: NewSessionTicket}},
		Expect:  Expect{Stock: restingStock},
	},
	{
		ID:      "idle-hello-request",
		Summary: "A HelloRequest follows each response: the next request begins with a handshake.",
		Client:  oneByOne(6, plan.TLS12),
		Origin:  Origin{EveryAnswer: Answer{EventAfter: HelloRequest}},
		Expect:  Expect{MinTLSAnswers: 1, Stock: restingStock},
	},
}
