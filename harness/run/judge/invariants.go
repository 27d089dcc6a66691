package judge

// The ids of the invariants. They never change: the JSON of a run has them.
const (
	IDOneConnection  = "one-connection"
	IDNoReset        = "no-reset"
	IDOwnResponse    = "own-response"
	IDWireOrder      = "wire-order"
	IDAllAnswered    = "all-answered"
	IDWriteRetry     = "write-retry"
	IDSentOnce       = "sent-once"
	IDNotPipelined   = "not-pipelined"
	IDPipelined      = "pipelined"
	IDOwnCredentials = "own-credentials"
	IDPausedWaits    = "paused-waits"
	IDQuietWait      = "quiet-wait"
	IDNoLeak         = "no-leak"
	IDExercised      = "exercised"
)

// Invariant is something that has to hold in every run.
type Invariant struct {
	// ID is one of the constants above.
	ID string
	// Meaning is one sentence.
	Meaning string
	// Rule is the text it comes from, with its source.
	Rule string

	examine func(*Observation) (verdict Verdict, expected, actual string)
}

// Invariants returns all invariants, in the order in which they are shown.
func Invariants() []Invariant {
	return append([]Invariant(nil), invariants...)
}

var invariants = []Invariant{
	{
		ID:      IDOneConnection,
		Meaning: "The origin accepted no more connections than the scenario allows.",
		Rule: "RFC 9112 §9.3: \"HTTP/1.1 defaults to the use of persistent connections, allowing multiple " +
			"requests and responses to be carried over a single connection\"; CURLMOPT_MAX_HOST_CONNECTIONS(3)",
		examine: oneConnection,
	},
	{
		ID:      IDNoReset,
		Meaning: "The client ended no connection, by RST or otherwise, before it had all its answers.",
		Rule: "RFC 9112 §9.6: a close ends a connection after its last response, and one that is " +
			"answered by a RST loses what is still on its way",
		examine: noReset,
	},
	{
		ID:      IDOwnResponse,
		Meaning: "No request got another one's response, nor a part of it.",
		Rule: "RFC 9112 §9.3.2: a server may process pipelined requests in parallel, \"but it MUST send the " +
			"corresponding responses in the same order that the requests were received\"",
		examine: ownResponse,
	},
	{
		ID:      IDWireOrder,
		Meaning: "Requests reached the origin whole, none inside another, and none twice on one connection.",
		Rule: "RFC 9112 §2.1 and §9.3.2: a connection carries a sequence of whole messages; the responses " +
			"are told apart by the order of the requests alone",
		examine: wireOrder,
	},
	{
		ID:      IDAllAnswered,
		Meaning: "Every request ended once, with the result that the scenario expects.",
		Rule:    "curl_multi_info_read(3): one CURLMSG_DONE for each transfer that has ended",
		examine: allAnswered,
	},
	{
		ID:      IDWriteRetry,
		Meaning: "After WANT_WRITE or WANT_READ the next write on that SSL object had the same arguments.",
		Rule: "SSL_write(3): when a write has to be repeated because of SSL_ERROR_WANT_READ or SSL_ERROR_WANT_WRITE, " +
			"\"it must be repeated with the same arguments\"",
		examine: writeRetry,
	},
	{
		ID:      IDSentOnce,
		Meaning: "No request reached the origin more often than the scenario allows.",
		Rule: "RFC 9110 §9.2.2: \"a client MUST NOT automatically retry a request\" unless it is idempotent or known " +
			"not to have been applied, and \"a client SHOULD NOT automatically retry a failed automatic retry\"",
		examine: sentOnce,
	},
	{
		ID:      IDNotPipelined,
		Meaning: "A request that is not idempotent shared the connection with no other.",
		Rule: "RFC 9112 §9.3.2: \"A user agent SHOULD NOT pipeline requests after a non-idempotent method, until the " +
			"final response status code for that method has been received\"",
		examine: notPipelined,
	},
	{
		ID:      IDPipelined,
		Meaning: "Requests were sent behind others that were not answered yet, where the scenario requires it.",
		Rule: "CURLMOPT_PIPELINING(3): libcurl \"will attempt to pipeline HTTP requests\"; RFC 9112 §9.3.2: a client " +
			"\"MAY 'pipeline' its requests (i.e., send multiple requests without waiting for each response)\"",
		examine: pipelined,
	},
	{
		ID:      IDOwnCredentials,
		Meaning: "Each request carried its own credentials, method and body.",
		Rule: "RFC 9110 §11.6.2: the Authorization field \"consists of credentials containing the authentication " +
			"information of the user agent\" for the request that it is in",
		examine: ownCredentials,
	},
	{
		ID:      IDPausedWaits,
		Meaning: "A transfer that was paused got nothing, and what came for it was not hoarded.",
		Rule: "CURLOPT_WRITEFUNCTION(3): CURL_WRITEFUNC_PAUSE \"will cause writing to this connection to become " +
			"paused\"; curl_easy_pause(3)",
		examine: pausedWaits,
	},
	{
		ID:      IDQuietWait,
		Meaning: "The client used next to no CPU time while it could not go on.",
		Rule: "curl_multi_fdset(3) and CURLMOPT_SOCKETFUNCTION(3): the application waits for what libcurl waits for, " +
			"and nothing else",
		examine: quietWait,
	},
	{
		ID:      IDNoLeak,
		Meaning: "At the end no file descriptor was left open.",
		Rule:    "curl_multi_cleanup(3): it \"cleans up and removes a whole multi stack\"",
		examine: noLeak,
	},
	{
		ID:      IDExercised,
		Meaning: "What the scenario is about really happened.",
		Rule:    "a run in which nothing was at stake proves nothing",
		examine: exercised,
	},
}
