// Package cshim drives libcurl's multi interface from C and hands Go batches.
//
// It stands between package curlpipe and libcurl: curlpipe decides what is
// asked and when, cshim moves it. It is the only package of this module with C
// of its own. The C (cshim.h, loop.c, watch.c, transfer.c) is one event loop:
// one curl_multi handle, one epoll, one eventfd to wake it. Go crosses into C
// once for a batch of requests and comes back with a batch of results; C never
// calls Go and keeps no global state.
//
// Easy handles are made, configured and cleaned up by the caller (through
// go-curl); [Loop.Attach] ties one to the loop and names it by its slot. What
// differs between two requests on one handle (URL, header lines, GET or HEAD)
// travels in a [Batch], so a request costs no crossing of its own.
package cshim
