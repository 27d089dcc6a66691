// Package cshim drives libcurl's multi interface from C and hands Go batches.
//
// It stands between package curlpipe and libcurl: curlpipe decides what is asked
// and when, cshim moves it. It is the only package of this module with C of its
// own. The C is one event loop: one curl_multi handle, what waits for its
// sockets, and what wakes it. Go crosses into C once for a batch of requests and
// comes back with a batch of results; C never calls Go and keeps no state
// outside of the loop, the addresses of OpenSSL's functions excepted. cshim.h
// says what it offers; loop.c drives libcurl, results.c tells what came of it,
// watch.c has the sockets, connection.c their beginning and end, system.h what
// depends on the operating system, rest.c what may be done between, request.c,
// upload.c and response.c the two halves of an exchange, framing.c and chunked.c
// the one reading of a response that is believed, transfer.c the easy handle
// that carries it, groups.c what libcurl has of the patch series, tls.c and
// handshake.c what OpenSSL tells of it (openssl.c finds its functions), bio.c
// what stands between OpenSSL and the socket, nghttp2.c what stands between
// libcurl and nghttp2, and http2.c what becomes of requests on an HTTP/2
// connection.
//
// Easy handles are made, configured and cleaned up by the caller (through
// go-curl); [Loop.Attach] ties one to the loop and names it by its slot. What
// differs between two requests on one handle (URL, method, header lines)
// travels in a [Batch], so a request costs no crossing of its own.
package cshim
