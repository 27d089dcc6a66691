// Package curlpipe is an HTTP client for programs that want few connections
// that stay up: requests to one host are pipelined over one connection
// (RFC 9112, section 9.3.2), by libcurl.
//
//	client, err := curlpipe.New(curlpipe.Options{})
//	…
//	defer client.Close()
//	request, err := http.NewRequest(http.MethodGet, "https://example.com/", nil)
//	…
//	response, err := client.Do(ctx, request)
//
// The types of requests and responses are those of net/http.
//
// # Where it stands
//
// Go code calls [Client.Do]; a request goes into the client's mailbox; the
// client's engine, one goroutine, takes what has gathered there and hands it to
// package cshim in one batch, which drives libcurl's multi interface; results
// come back the same way. Options of easy handles and error codes are those of
// go-curl. There is no C in this package.
//
// # The connection
//
// Responses arrive in the order of the requests, so a slow response holds up
// those behind it (head-of-line blocking). That is the price of a single
// HTTP/1.1 connection; where the server speaks HTTP/2 and responses differ
// much in speed, HTTP/2 is the better choice.
//
// A request whose context ends is abandoned, not torn out: the caller goes on
// at once, the response is read and dropped, and the requests behind it keep
// their connection. What is read for nobody is bounded by
// [Options].MaxAbandonedBytes.
//
// # Which libcurl
//
// HTTP/1.1 pipelining works in libcurl up to 7.61.1. There, a request whose
// write is blocked may lose the connection to the next one (curl issue 764):
// over TLS the connection is dropped, over plain HTTP requests and responses
// get mixed up. [New] therefore takes only a libcurl that carries this
// project's patches, which its version string tells ("libcurl/7.53.1-doing.1");
// see [ErrUnpatchedLibcurl] and [ErrNoPipelining].
package curlpipe
