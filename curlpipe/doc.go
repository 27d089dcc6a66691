// Package curlpipe is an HTTP client for programs that want few connections
// that stay up: requests to one host are pipelined over one connection
// [RFC 9112 §9.3.2], by libcurl.
//
//	transport := &curlpipe.Transport{}
//	defer transport.Close()
//	client := &http.Client{Transport: transport}
//	response, err := client.Get("https://example.com/")
//
// [Transport] replaces http.Transport and works with the types of net/http.
// Redirects, cookies and contexts are used through http.Client as before. Use
// [Client] for thousands of small requests at once whose responses fit into
// memory. [Transport.Stats] tells whether the connection held; package metrics
// exports the same figures to Prometheus.
//
// # How it works
//
// A request goes into the engine's mailbox. The engine is one goroutine. It takes
// everything that has gathered in the mailbox and hands it to package cshim in one
// batch; cshim drives libcurl's multi interface with one event loop. Results come
// back the same way. This package uses go-curl for the options of easy handles and
// for error codes, and contains no C code.
//
// # The connection
//
// By default there is one connection to each host ([Transport].MaxConnsPerHost),
// with up to 100 requests on it at a time (MaxPipelineDepth). GET and HEAD are
// pipelined. A request with any other method waits until the connection is free,
// and nothing is sent behind it until its response has arrived: if the connection
// ended, the client could not tell whether later requests were processed
// [RFC 9112 §9.3.2].
//
// Responses arrive in the order of the requests, so a slow response delays all
// later ones (head-of-line blocking). A caller that reads a body slowly does the
// same. This is the price of a single HTTP/1.1 connection. StallTimeout limits it: a
// response that only drips while others wait behind it fails, and the others start
// over. A long event stream needs a transport of its own, or MaxConnsPerHost above 1
// with Pipelining set to Off. If the server speaks HTTP/2 and its responses differ
// much in speed or size, prefer HTTP/2, which this package uses with libcurl 7.62.0
// and later.
//
// A request whose context ends is abandoned: the call returns at once, the response
// is read and dropped, and later requests keep their connection. The same happens
// when a body is closed before its end. MaxAbandonedBytes and MaxAbandonedTime
// bound the bytes and the time spent on an abandoned response; beyond them the
// connection is closed, and Stats counts it. A request whose own body has not been
// sent completely cannot be completed once abandoned, so its connection closes.
//
// If a connection ends while requests are in flight, a new one is opened. Requests
// with an idempotent method are sent again if no byte of their response has
// arrived, at most MaxRetries times. The same happens if a server sends more than
// it has announced, as the body of a response to HEAD: the bytes that follow belong
// to no request, and the connection is closed.
//
// # Memory
//
// A request in flight costs an easy handle, about 50 kB with libcurl 7.53.1. Handles
// are reused. A streamed response body buffers at most ReadBufferSize plus 16 KiB of
// unread bytes, and for a moment twice as much, in C and in Go. A request body
// buffers at most two pieces of 32 KiB, and 64 KiB that libcurl may have to send
// again.
//
// # Which libcurl
//
// libcurl pipelines HTTP/1.1 up to release 7.61.1. In these releases a request
// whose write is blocked may lose the socket to the next request (curl issue 764):
// over TLS the connection is dropped, over plain HTTP requests and responses get
// mixed up. This package therefore accepts a pipelining libcurl only with this
// project's patches ([ErrUnpatchedLibcurl]). The library itself reports them;
// patches/README.md describes how. [Pipelining] describes what happens with other
// libcurls.
//
// The releases that pipeline are old and have known vulnerabilities. Deploy a
// maintained vendor's tree with the patches, or a current libcurl over HTTP/2.
// SECURITY.md, at the top of the repository, lists the vulnerabilities that can be
// reached through this package. A wildcard in a server's certificate counts only
// if it is the whole first label.
//
// A libcurl that pipelines is not used for HTTP/2, even if it was built with nghttp2:
// the HTTP/2 of 7.53.1 loses trailer sections and long header fields, and requests hang
// when many share a connection or the server resets a stream.
//
// HTTP/2 needs a libcurl that loads nghttp2 as a shared library, and a program that
// links this package into the executable: libcurl does not report how a stream
// ended, so package cshim intercepts nghttp2 by defining functions with its names.
// Otherwise requests are sent one after the other. This interception also works
// around faults of libcurl:
//
//   - Truncated bodies that libcurl reports as complete: in 7.88.1, and after
//     RST_STREAM(NO_ERROR) in every release.
//   - Requests that libcurl repeats after HTTP_1_1_REQUIRED although a part of the
//     response has arrived.
//   - Connections that stay in use after a protocol error (8.14, 8.22).
//   - RST_STREAM that is not sent before the next request.
//   - Responses that are lost when the server resets their stream (7.88.1).
//   - Responses that do not end until more arrives on the connection, because a buffer
//     was full when their end was read (up to 8.0.1).
//   - Requests that wait for input that a cancelled request has read (8.22, 8.23).
//   - Uploads that keep a processor busy while their flow-control window is closed
//     (7.88.1).
//   - Floods of frames that belong to no request: while a flood lasts, libcurl
//     reads it and serves no other connection (7.88.1).
//   - Trailer sections of responses with a Content-Length, which are lost (up to
//     8.5.0 at least).
//   - Trailer sections that are lost when many requests share a connection (7.88.1).
//   - Parts of a body that are lost while the body of unknown length of another
//     request ends (7.88.1).
//   - Header sections longer than 16 kB, after which the response does not end when
//     libcurl runs with curl_multi_socket_action() (7.88.1).
//   - Requests with more than 64 kB of header fields, which are never sent.
//   - Bodies that do not wait for 100 (Continue).
//
// One fault remains, in releases before 8.5.0 that are not patched: if a line of a
// header section begins with a NUL, libcurl loses what it has read behind it. The
// request then waits until StallTimeout, or the rest of the section counts as the
// whole section.
//
// The folder upstream, beside this package, has programs that show the most
// important of these faults with libcurl alone.
//
// # Configure
//
// Options that [Transport].Configure sets take effect, except these:
//
//	functions and their data, PRIVATE  ErrReservedOption
//	URL, PORT, HTTPHEADER, USERAGENT   no effect: taken from the request
//	CUSTOMREQUEST, NOBODY, POST,       no effect: taken from the request
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
//	COOKIEFILE                         each easy handle has its own cookies:
//	                                   use http.Client's Jar
//
// # Systems
//
// The tests run on Linux on amd64. The C code is also compiled for arm64 and musl.
// Hosted CI runs the library on macOS and FreeBSD, with their own libcurl. Linux
// uses epoll, every other system poll(2); the build tag curlpipe_poll makes Linux
// use poll(2) as well, for tests. Other systems have these limits:
//
//   - Only the socket tells how a connection ended. If a server closes a connection
//     that holds unread bytes, Stats counts it under ClosedByClient unless poll(2)
//     reports the close, as it does on FreeBSD and macOS.
//   - If a server closes an idle connection after an HTTP/2 frame, the client may
//     notice only with the next request; on FreeBSD it notices at once.
//   - MaxAbandonedBytes counts the bytes that libcurl delivers, not the bytes that
//     the socket receives.
//   - StallTimeout cannot see each acknowledgement, and compares the number of
//     unacknowledged bytes with the number a quarter of StallTimeout earlier. Sent bytes
//     count as progress only if the number is smaller now, or if it is the same
//     although more bytes were sent.
//   - RootCAs are written to a file in os.TempDir while the transport is open. A
//     process that ends without Close leaves the file behind.
//   - If LocalAddress names an interface, connections start from one of its
//     addresses.
//   - macOS has no HTTP/2 here, because its libraries do not call functions that the
//     program defines. Requests are sent one after the other, over up to
//     MaxConnsPerHost connections.
//   - libcurl 7.88 is refused, because it connects a socket that is connected
//     already.
//
// # Differences from net/http
//
// One table of tests runs over both transports. These are the differences:
//
//   - libcurl does not report each event of a request. WroteHeaders and WroteRequest
//     of an httptrace.ClientTrace run up to 20 ms after the event, and PutIdleConn
//     runs when a response has ended, even if other requests are on the connection.
//     The net.Conn of GotConn has addresses but cannot be used.
//   - Response.TLS has no certificates and no version unless libcurl's TLS library
//     is OpenSSL 1.1.1 or later.
//   - CONNECT, Upgrade and a request's trailer section are refused
//     ([ErrUnsupportedRequest]), or sent by Fallback: libcurl does not hand over its
//     connections, and cannot send a trailer section before 7.64.0. HEAD with a body
//     is refused, too: libcurl would wait for the body of a response. OPTIONS * is
//     treated the same way with libcurl before 7.55.0, which cannot send a target
//     other than a path. Through a proxy it is sent without the asterisk
//     [RFC 9112 §3.2.4].
//   - The environment's proxies are not followed unless Proxy is
//     http.ProxyFromEnvironment, as in http.DefaultTransport.
//   - Fields of TLSClientConfig that need Go code during the handshake are refused:
//     VerifyPeerCertificate, VerifyConnection, GetClientCertificate, KeyLogWriter,
//     Time, Rand. CurvePreferences, Renegotiation and ECH are refused, too. Instead,
//     inspect Response.TLS, set PinnedPublicKey, KeyLogFile or Configure, or make the
//     TLS connection in DialTLSContext.
//   - PUT and DELETE are sent again, too, if their connection ends before the
//     response, because they are idempotent [RFC 9110 §9.2.2]: set RetryPolicy to
//     decide otherwise.
//   - MaxConnsPerHost is 1 by default; net/http has no limit.
//   - There is no ForceAttemptHTTP2: HTTP/2 is tried wherever libcurl supports it, and
//     Protocols, or NextProtos without h2, keeps it from that. HTTP/2 without TLS
//     goes through a tunnel if there is an http proxy; net/http expects the proxy to
//     speak it. There is no NewClientConn (Go 1.26), because only net/http can make
//     its result.
//   - A request without a header map is sent; net/http's Transport refuses it.
//   - The default User-Agent is "curlpipe"; set UserAgent to change it.
//     FromHTTPTransport sets the one of net/http.
//   - libcurl uses the socket of a *net.TCPConn that DialContext or DialTLSContext
//     returns. Its Close and its deadlines have an effect all the same, up to 20 ms late
//     while data moves. The deadline for writing is not looked at while a header section
//     is being sent.
//   - Most fields of a transport are read with the first request, and later changes
//     have no effect ([Transport]): use Clone. After a change of TLSClientConfig, all
//     requests use new connections; in net/http, connections that exist stay in use.
//   - libcurl itself writes the fields that describe a request's body, before or after
//     the others. A body that is written in small pieces may go out in fewer,
//     larger chunks.
//   - If a complete response arrives while the request's body is being sent, or while
//     it waits for 100 (Continue), the rest of the body is not sent and the connection
//     is closed. net/http sends the rest.
//   - If 417 (Expectation Failed) arrives while the body waits for 100 (Continue),
//     libcurl 7.69.0 and later would send the request again. So the response is
//     ended at its header section, and reading its body fails.
//   - An opaque URL must contain a path, and the URL's host if it has one.
//   - Some malformed responses are handled as RFC 9112 requires: white space before
//     the colon of a field is removed; 101 (Switching Protocols) that was not
//     requested, and a Content-Length that is not one number, are refused.
//   - A client certificate is sent whichever authorities the server names; net/http
//     sends none that the server would not accept. HTTP/1.1 is offered with ALPN even if
//     Protocols has nothing else. OpenSSL resumes sessions without a ClientSessionCache,
//     and Response.TLS has no TLSUnique.
//   - A request's body is first read while its connection is being made. Its error may
//     be returned in the place of an error of the handshake.
//   - A stream that the server resets has the errors of a connection that ends: io.EOF
//     before the response, then io.ErrUnexpectedEOF. The code of RST_STREAM or GOAWAY is
//     in [Error.Detail]; there is no http2.StreamError.
//   - libcurl compares the IP address in a certificate after the handshake, and every
//     name if Configure is set; current releases verify the whole certificate then. The
//     server sees a closed connection and no alert.
//   - libcurl and OpenSSL decide about certificates. They accept a common name if the
//     certificate names no host in another way, names that end with a dot, and the
//     extended key usages for Server Gated Crypto. They refuse a wildcard for a whole
//     top-level domain, a key usage without digitalSignature, a certificate whose only
//     extended key usage is "any", and, depending on OpenSSL's security level, short
//     keys. Of a certificate with more than one fault, they may report another one
//     than net/http.
//   - libcurl accepts field lines of up to 100 kB, and from 8.3.0 on (and in Debian's
//     7.88.1) header sections of up to 300 kB ([ErrResponseTooLarge]). Over HTTP/2,
//     a response with a field line of more than 64 kB breaks the protocol for
//     nghttp2, which ends the connection.
//   - A goroutine that is in libcurl is not durably blocked, so in a bubble of
//     testing/synctest the time does not advance.
//   - With Pipelining set to Off there is no HTTP/2, and without TLS only if Protocols
//     has UnencryptedHTTP2 and not HTTP1. If a server requires HTTP/1.1 for a request
//     (HTTP_1_1_REQUIRED), the next connection speaks
//     that, unless DialTLSContext makes it or there is no TLS.
//   - Over HTTP/2, at most 100 kB of header fields are accepted, interim responses
//     included ([ErrResponseTooLarge]). nghttp2 since 2025 ends a connection that a
//     server floods with frames, and all requests on it fail.
//   - Over HTTP/2, reading a body that is longer than its Content-Length fails, as in
//     net/http, but the end of the stated length may be missing: every release of
//     nghttp2 drops the DATA frame that goes beyond it. nghttp2 also refuses a 204
//     response that has a Content-Length.
//   - An error is an [*Error] that wraps libcurl's code and net/http's error
//     ([Error.Unwrap]): use errors.Is and errors.As. Where libcurl has no part in the
//     error, it is returned as net/http returns it: a context's cause, an error of the
//     caller's own code (the request's body, Proxy, DialContext and its like, and the
//     connections they return), and a request that cannot be sent, in net/http's
//     words and with [ErrUnsupportedRequest] in it. A response's body that ends too
//     early returns io.ErrUnexpectedEOF itself. A refused certificate gives a
//     *tls.CertificateVerificationError with the *Error in it.
//
// A program that the process executes inherits no file descriptor of this package, but
// it inherits a socket pair of libcurl 7.68.0 and later. A process may end without
// calling Close.
package curlpipe
