// Package curlpipe is an HTTP client for programs that want few connections
// that stay up: requests to one host are pipelined over one connection
// [RFC 9112 §9.3.2], by libcurl.
//
//	transport := &curlpipe.Transport{}
//	defer transport.Close()
//	client := &http.Client{Transport: transport}
//	response, err := client.Get("https://example.com/")
//
// [Transport] takes the place of net/http's, with its types: redirects, cookies
// and contexts are http.Client's and stay as they are. [Client] is for who has
// thousands of small requests at once and wants each response whole.
// [Transport.Stats] tells whether the connection held; package metrics shows the
// same to Prometheus.
//
// # Where it stands
//
// A request goes into the engine's mailbox; the engine, one goroutine, takes
// what has gathered there and hands it to package cshim in one batch, which
// drives libcurl's multi interface with one event loop; results come back the
// same way. Options of easy handles and error codes are those of go-curl. There is
// no C in this package.
//
// # The connection
//
// By default there is one to each host ([Transport].MaxConnsPerHost), with up to
// 100 requests on it at a time (MaxPipelineDepth). GET and HEAD are pipelined.
// Any other method is sent when the connection is free, and has it for itself
// until its response is there: what comes after a request that is not
// idempotent would be in doubt if the connection ended [RFC 9112 §9.3.2].
//
// Responses arrive in the order of the requests, so a slow response holds up
// those behind it (head-of-line blocking), and so does a reader that takes its
// time with a body: nothing behind it is read meanwhile. That is the price of a
// single HTTP/1.1 connection. Where the server speaks HTTP/2 and responses
// differ much in speed or size, HTTP/2 is the better choice; this package does it
// with libcurl 7.62.0 and later.
//
// A request whose context ends is abandoned, not torn out: the caller goes on
// at once, the response is read and dropped, and the requests behind it keep
// their connection. So is a body that is closed before its end. What is read for
// nobody is bounded by MaxAbandonedBytes, and how long by MaxAbandonedTime; then
// the connection is given up, which Stats counts. A request whose own body is
// not complete cannot be finished for nobody, and costs the connection at once.
//
// A connection that ends under requests is replaced. Those with an idempotent
// method of whose response no byte has come are sent again, MaxRetries times.
//
// # Memory
//
// A request in flight costs an easy handle, about 50 kB with libcurl 7.53.1,
// which is used again for the next. A streamed body has at most ReadBufferSize
// and 16 KiB of unread bytes, in C and Go together twice that for a moment; a
// body that is sent has at most two pieces of 32 KiB and the 64 KiB that libcurl
// may have to send again.
//
// # Which libcurl
//
// HTTP/1.1 pipelining works in libcurl up to 7.61.1. There, a request whose
// write is blocked may lose the connection to the next one (curl issue 764):
// over TLS the connection is dropped, over plain HTTP requests and responses
// get mixed up. A pipelining libcurl is therefore taken only with this project's
// patches, which the library itself tells when it is asked (patches/README.md
// has how); see [ErrUnpatchedLibcurl]. What is done with others, [Pipelining] says.
//
// The releases that pipeline are old and have known vulnerabilities. Deploy a
// vendor's tree that is maintained, with the patches, or a current libcurl over
// HTTP/2. SECURITY.md, at the top of the repository, says which vulnerabilities
// can be reached through this package, and what stands in the way. The wildcard
// in a server's certificate counts only where it is the whole first label.
//
// HTTP/2 is used where libcurl has nghttp2 as a shared library and this package
// is linked into the program itself: libcurl does not tell how a stream ended,
// so package cshim stands between the two by defining functions of nghttp2's
// names. A program of which that is not true sends requests in turn. Of what
// libcurl does otherwise, this is led around so: bodies cut short that 7.88.1, and
// with RST_STREAM(NO_ERROR) every release, takes for whole; requests sent again
// after HTTP_1_1_REQUIRED though they were answered in part; connections that
// broke the protocol and stay in use (8.22); RST_STREAM that waits for the next
// request; requests that wait for input that a cancelled one had read (8.22 and
// 8.23); uploads without a window that keep a processor busy (7.88.1). Not led
// around: a server that floods its connection has 7.88.1 read a hundred times in
// a row before it looks at another one.
//
// # Configure
//
// What [Transport].Configure sets holds, but for this:
//
//	functions and their data, PRIVATE  ErrReservedOption
//	URL, PORT, HTTPHEADER, USERAGENT   no effect: the request says it
//	CUSTOMREQUEST, NOBODY, POST,       no effect: the request says it
//	  POSTFIELDS, UPLOAD
//	PROXY, HTTPPROXYTUNNEL             no effect: set Proxy
//	RESOLVE, CONNECT_TO                no effect: set Resolve
//	UNIX_SOCKET_PATH                   no effect: set UnixSocket
//	INTERFACE, LOCALPORT               requests fail: set LocalAddress
//	HTTP_VERSION, PIPEWAIT             no effect: set Pipelining
//	PROTOCOLS, REDIR_PROTOCOLS         no effect: http and https
//	NOSIGNAL, HEADER, CONNECT_ONLY,    no effect: responses could not be read
//	  IGNORE_CONTENT_LENGTH,
//	  HTTP_TRANSFER_DECODING,
//	  HTTP_CONTENT_DECODING
//	FOLLOWLOCATION                     no effect: http.Client follows
//	COOKIEFILE                         each easy handle has cookies of its own:
//	                                   use http.Client's Jar
//
// # Systems
//
// The tests run on Linux on amd64; for arm64 and for musl the C is compiled;
// hosted CI runs the library on macOS and on FreeBSD, with their own libcurl.
// Linux has epoll, every other system poll(2): the build tag curlpipe_poll has
// Linux do as those do, which is how that half is tested. What they cannot tell
// or do:
//
//   - How a connection ended is told by the socket alone. A server's closing behind
//     bytes that nobody has read counts as the client's (Stats.ClosedByClient)
//     where poll(2) does not tell of it; FreeBSD and macOS do.
//   - A server that closes a connection at rest, after a message of HTTP/2, may be
//     noticed only with the next request; on FreeBSD at once.
//   - MaxAbandonedBytes counts what libcurl delivers, not what is on the wire.
//   - StallTimeout counts bytes that a server has acknowledged only when fewer are
//     left unacknowledged than a quarter of the time before, or as few though more
//     were sent.
//   - RootCAs are in a file of os.TempDir while the transport is open; a process
//     that ends without Close leaves it behind.
//   - With the name of an interface as LocalAddress, connections start from an
//     address that it has.
//   - macOS has no HTTP/2 here: its libraries do not call what the program defines.
//     Requests go in turn, over as many connections as MaxConnsPerHost.
//   - libcurl 7.88 is refused: it connects a socket that is connected.
//
// # Not as in net/http
//
// The same table of tests runs over both transports. What is different:
//
//   - The hooks of an httptrace.ClientTrace run when the response's header
//     section is there, not when things happen; DNS hooks, PutIdleConn, Got100Continue
//     and Got1xxResponse do not run. The net.Conn of GotConn has its addresses and
//     can do nothing.
//   - Response.TLS has no certificates and no version where libcurl's TLS library
//     is not OpenSSL 1.1.1 or later.
//   - A host in another alphabet is refused; give its ASCII form, as
//     golang.org/x/net/idna makes it, which is no module of this library.
//   - CONNECT, Upgrade, OPTIONS * and a trailer section of a request are refused
//     ([ErrUnsupportedRequest]), or sent by Fallback: libcurl keeps its connections
//     for itself, before 7.55.0 it has no way to send another target than a path,
//     and before 7.64.0 none to send a trailer section.
//   - The environment's proxies are not followed unless Proxy is
//     http.ProxyFromEnvironment, as in http.DefaultTransport.
//   - A proxy is asked for a tunnel for http URLs, too; see Proxy.
//   - Of TLSClientConfig what needs Go code during the handshake cannot be followed:
//     VerifyPeerCertificate, VerifyConnection, GetClientCertificate, KeyLogWriter,
//     Time, Rand, and CurvePreferences, Renegotiation and ECH. Look at Response.TLS,
//     or set PinnedPublicKey, KeyLogFile or Configure. DialTLSContext cannot be had
//     because TLS is libcurl's; DialContext can.
//   - MaxConnsPerHost is 1 by default; in net/http there is no limit.
//   - ForceAttemptHTTP2 is not there: HTTP/2 is tried wherever libcurl does it.
//   - The default User-Agent is "curlpipe".
//   - Without TLS, or with Pipelining set to Off, there is no HTTP/2.
//   - Over HTTP/2, libcurl 7.88 does not hand over the trailer section of a
//     response with a Content-Length, and takes no more than 100 kB of header
//     fields, interim responses included ([ErrResponseTooLarge]). nghttp2 of 2025
//     and later ends a connection over a flood of frames, which its other
//     requests notice.
//   - An error is an [*Error] around libcurl's code and net/http's error
//     ([Error.Unwrap]): use errors.Is and errors.As. That of a context is bare, with
//     its cause around it if it has one.
//
// A process that forks and executes another program leaves it no descriptor of
// this package (libcurl from 7.68.0 on has a socket pair of its own that is
// inherited), and one that ends without Close is fine.
package curlpipe
