package scenario

// Client is the client's half of a scenario.
type Client struct {
	// Requests is how many requests are in the plan. They are numbered from 0,
	// and submitted at once unless a step adds them later.
	Requests int
	// AnyFrom, if not 0, is the smallest number of requests with which the
	// scenario works; any larger number works as well.
	AnyFrom int
	// HeaderBytes is the range of the size of a request's padding.
	HeaderBytes Range
	// BodyBytes is the range of the size of a response's body.
	BodyBytes Range
	// Special has, by their number, the requests that differ from the others.
	Special map[int]Request
	// AllAtOnce is true if the scenario is about requests that are submitted at
	// once. See [Scenario.FirstAlone].
	AllAtOnce bool
	// Steps are the client's other actions, strictly in this order.
	Steps []Step
	// TLS is the version that is used, as in plan.Plan.
	TLS string
	// SendBuffer, if not 0, is what SO_SNDBUF is set to before the client
	// connects, in bytes. Linux doubles it.
	SendBuffer int
	// BlockedSend, if not 0, says which of the client's writes, counted from 1,
	// finds the socket full and sends nothing. The interposer causes that.
	BlockedSend int
	// BlockedReads is how many of the client's reads find the socket full when
	// TLS has to write in them, and answer WANT_WRITE. The interposer causes
	// that.
	BlockedReads int
	// ReadBuffer, if not 0, is CURLOPT_BUFFERSIZE in bytes.
	ReadBuffer int
	// MaxPipelineLength is CURLMOPT_MAX_PIPELINE_LENGTH.
	MaxPipelineLength int
	// FollowRedirects is CURLOPT_FOLLOWLOCATION.
	FollowRedirects bool
}

// Request has the properties in which one request differs from the others. A zero
// field does not differ.
type Request struct {
	// Method is GET, HEAD or POST; empty means GET.
	Method string
	// CustomMethod is sent instead of the method (CURLOPT_CUSTOMREQUEST).
	CustomMethod string
	// HeaderBytes and BodyBytes replace the client's ranges.
	HeaderBytes Range
	BodyBytes   Range
	// UploadBytes is the size of the body of a POST.
	UploadBytes int
	// Credentials are user and password for the Basic scheme, with a colon
	// between them.
	Credentials string
	// TimeoutMS is CURLOPT_TIMEOUT_MS in milliseconds.
	TimeoutMS int
	// AbortAtBytes makes the write callback fail after this many bytes of the
	// body.
	AbortAtBytes int
}

// Step is an action of the client while requests are in flight. It waits for
// the first of its conditions that is not zero, or for nothing.
type Step struct {
	// OnSignal is a signal that an Answer raises.
	OnSignal string
	// OnCompleted is how many transfers must have ended.
	OnCompleted int
	// OnReceived is how many bytes of a body must have been received: of the body
	// of From or, if that is 0, of Request.
	OnReceived int
	From       int
	// Do is the action, one of package plan's words.
	Do string
	// Request is the number of the request that the action applies to.
	Request int
	// Value is the new value of an option.
	Value int
}
