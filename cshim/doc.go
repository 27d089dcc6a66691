// Package cshim drives libcurl's multi interface from C, and exchanges batches of
// requests and results with Go.
//
// It stands between package curlpipe and libcurl: curlpipe decides which requests
// are sent and when, cshim sends them. It is the only package of this module with
// C code. The C code is an event loop around one curl_multi handle. Go calls C once
// for a batch of requests and gets back a batch of results. C never calls Go, and
// keeps no state outside of the loop except the addresses of OpenSSL's functions.
//
//	cshim.h                    the interface
//	loop.c                     drives libcurl
//	results.c                  the results of requests
//	watch.c, system.h          sockets, and the operating system's way to watch them
//	connection.c               the begin and end of connections
//	rest.c                     work between two requests
//	request.c, upload.c        sends a request and its body
//	response.c                 receives a response
//	framing.c, chunked.c       checks the framing of responses strictly
//	transfer.c                 the easy handle of a request
//	groups.c                   the groups of the patch series that libcurl has
//	tls.c, handshake.c         observes OpenSSL; openssl.c finds its functions
//	bio.c                      between OpenSSL and the socket
//	nghttp2.c, http2.c         between libcurl and nghttp2; HTTP/2 connections
//
// The caller makes, configures and frees easy handles, through go-curl.
// [Loop.Attach] adds one to the loop and assigns it a slot. A [Batch] carries what
// differs between the requests on a handle (URL, method, header lines), so a request
// needs no call of its own.
package cshim
