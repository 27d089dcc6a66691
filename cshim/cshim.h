#ifndef CSHIM_H
#define CSHIM_H
/*
 * cshim: an event loop around one curl_multi handle, for one caller.
 *
 * The caller hands over a batch of requests and gets back a batch of results
 * for each cshim_loop_run(). In between, the loop drives
 * curl_multi_socket_action() with one epoll. Nothing calls back to the
 * caller, and nothing is shared between two loops.
 *
 * Every function is for the one thread that drives the loop at that moment,
 * except cshim_loop_wake() and cshim_loop_count(), which any thread may call
 * while the loop exists.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cshim_loop;

/* What cshim_loop_run() and others answer when they fail: an errno value as a
   negative number, or this when libcurl's multi handle refused to go on. */
#define CSHIM_MULTI_FAILED (-100000)

/* Most requests, and most results, of one cshim_loop_run(): enough that a full
   pipeline crosses at once, small enough that nobody waits long for others. */
#define CSHIM_MAX_BATCH 512

/* How requests to one host share its connections. */
enum cshim_mode {
  CSHIM_IN_TURN, /* HTTP/1.1, one request a connection at a time */
  CSHIM_PIPELINING, /* HTTP/1.1, pipelined */
  CSHIM_MULTIPLEXING /* HTTP/2 */
};

struct cshim_limits {
  enum cshim_mode mode;
  long connections_per_host; /* at most so many connections to one host */
  long pipeline_length; /* at most so many requests on one connection */
  size_t header_bytes; /* a response whose header section, or trailer section,
                          is larger is not kept */
  size_t response_bytes; /* a response that is not streamed and is larger is
                            not kept */
  size_t window_bytes; /* so much of a streamed body may lie at the caller's
                          before reading from its connection stops */
  size_t dropped_bytes; /* so much of one response is read and thrown away
                           before its connection is given up */
  bool coalesce; /* with CSHIM_PIPELINING: TLS records that are written back to
                   back go to the socket in one system call, and one reads all
                   that has come */
  uint32_t retries; /* so often a request that CSHIM_REQUEST_REPEATABLE marks
                       is sent again when its connection dies under it */
};

/* One request of a batch. The batch's text holds, from `text` on, the URL, the
   method (empty: GET or HEAD), CURLOPT_CONNECT_TO (empty: none) and then each
   header line, each ended with a NUL. */
struct cshim_request {
  uint32_t slot; /* from cshim_loop_attach() */
  uint32_t flags; /* CSHIM_REQUEST_* */
  uint32_t origin; /* requests to one host have one number, of the caller's */
  size_t text; /* where this request starts in the batch's text */
  size_t text_length; /* with all NULs */
  int64_t upload_length; /* of the body, for CSHIM_REQUEST_UPLOAD; -1: not
                            known, goes chunked */
};

#define CSHIM_REQUEST_HEAD 1 /* HEAD instead of GET */
#define CSHIM_REQUEST_STREAM 2 /* results come as the response does */
#define CSHIM_REQUEST_UPLOAD 4 /* has a body, see cshim_loop_feed() */
#define CSHIM_REQUEST_REPEATABLE 8 /* may be sent again, see retries */
#define CSHIM_REQUEST_CLOSE 16 /* the connection ends with the response */

/* News of one request. The pointers hold until the next cshim_loop_run(),
   cshim_loop_reset() or cshim_loop_free(). A request that is not streamed has
   one result with CSHIM_RESULT_DONE; one that is may have others before it, in
   each of which is what came since. */
struct cshim_result {
  uint32_t slot;
  uint32_t flags; /* CSHIM_RESULT_* */
  int32_t code; /* CURLcode, with CSHIM_RESULT_DONE */
  uint32_t retries; /* how often it was sent again */
  const char *response; /* the final response's header section, if it has not
                           come before, then (more of) its body; not
                           NUL-terminated */
  size_t header_length;
  size_t body_length;
  const char *trailer; /* trailer section of a chunked response */
  size_t trailer_length;
  const char *detail; /* libcurl's own words for a failure; may be empty */
};

#define CSHIM_RESULT_DONE 1 /* the request has ended */
#define CSHIM_RESULT_TOO_LARGE 2 /* over header_bytes or
                                    response_bytes; nothing was kept */
#define CSHIM_RESULT_GIVEN_UP 4 /* over dropped_bytes; the connection was
                                   closed for it */
#define CSHIM_RESULT_HUNGRY 8 /* all of its body that was fed is on its way */
#define CSHIM_RESULT_SPENT 32 /* its easy handle must not be used again */
#define CSHIM_RESULT_MULTIPLEXED 128 /* it was sent over HTTP/2 */
#define CSHIM_RESULT_REFUSED 256 /* it failed, and the server says that it has
                                    not processed it */
#define CSHIM_RESULT_LOST 16 /* its connection died under it, and it may not be
                                sent again */

#define CSHIM_RESULT_MALFORMED 64 /* detail says how the response breaks
                                     RFC 9112; the connection was closed */

enum cshim_counter {
  CSHIM_SOCKETS_OPENED, /* sockets that libcurl opened to connect */
  CSHIM_SOCKETS_CLOSED, /* sum of the next four */
  CSHIM_CLOSED_BY_CLIENT, /* the client closed first */
  CSHIM_CLOSED_BY_SERVER, /* the server closed first */
  CSHIM_RESET_BY_SERVER, /* a RST came, or the network took it away */
  CSHIM_NOT_CONNECTED, /* the connection was never established */
  CSHIM_GIVEN_UP, /* connections given up over dropped_bytes */
  CSHIM_RETRIES, /* requests sent again */
  CSHIM_HANDSHAKES, /* TLS handshakes that made a new session */
  CSHIM_RESUMPTIONS, /* TLS handshakes that resumed one */
  CSHIM_RENEGOTIATIONS, /* later handshakes on a connection, up to TLS 1.2 */
  CSHIM_WANT_WRITE, /* TLS writes that the socket did not take */
  CSHIM_WANT_READ, /* times a renegotiation waited for the server */
  CSHIM_BYTES_SENT, /* of requests, before TLS; counted at their end */
  CSHIM_BYTES_RECEIVED, /* of responses, with transfer coding, before TLS */
  CSHIM_COUNTERS
};

/* Whether loops see how the streams of HTTP/2 connections end. If not, HTTP/2
   must not be used: what ended early would be taken for whole, and what was
   sent might be sent again. Not so in a program that has nghttp2 linked into
   it, and in a shared library that is not a program's own. */
bool cshim_http2_watched(void);

/* Which groups of the patch series libcurl has: bit 0 is group 01, DOING, bit
   1 group 02, socket bookkeeping, and so on. 0 of a libcurl without it. */
long cshim_pipeline_groups(void);

/* Makes a loop. NULL, with errno set, when something ran out. */
struct cshim_loop *cshim_loop_new(const struct cshim_limits *limits);

/* Takes every request off the wire and closes every connection. From here on
   only cshim_loop_count(), cshim_loop_detach() and cshim_loop_free() make
   sense. */
void cshim_loop_close(struct cshim_loop *loop);

/* Closes the loop, lets go of the handles that are still attached, and frees
   it. An easy handle is cleaned up after it was detached or after this, never
   before. NULL is fine. */
void cshim_loop_free(struct cshim_loop *loop);

/* Has the secrets of TLS connections appended to `file`, a descriptor of the
   caller's, in the form of SSLKEYLOGFILE; -1, the default: not. Only
   connections that are made later count. */
void cshim_loop_log_keys(struct cshim_loop *loop, int file);

/* Gives an easy handle (CURL *) to the loop and returns its slot, or a
   negative errno: -EBUSY when its private pointer is set. The loop sets the
   options that tie the handle to it: the functions for reading, seeking,
   writing, headers, opening and closing sockets and the TLS context, with
   their data; error buffer, private pointer and share; and no decoding of
   transfer and content codings by libcurl. URL, header list,
   method and what goes with them are set for each request. All other options
   stay what the caller made them. */
int cshim_loop_attach(struct cshim_loop *loop, void *easy);

/* Lets go of a slot whose request, if any, has finished; one that has not is
   taken off the wire. The options of cshim_loop_attach() are set back. */
void cshim_loop_detach(struct cshim_loop *loop, uint32_t slot);

/* Submits `count` requests (at most CSHIM_MAX_BATCH), in order, and runs
   until there is news of at least one request, somebody called
   cshim_loop_wake(), or `wait_ms` milliseconds have passed (-1: no limit).
   Returns how many results cshim_loop_results() holds, perhaps none, or a
   negative error; after an error call cshim_loop_reset(). */
int cshim_loop_run(struct cshim_loop *loop,
                   const struct cshim_request *requests, size_t count,
                   const char *text, int wait_ms);
const struct cshim_result *cshim_loop_results(const struct cshim_loop *loop);

/* Makes the current or the next cshim_loop_run() return at once. Costs a
   system call only when the loop sleeps. Any thread. */
void cshim_loop_wake(struct cshim_loop *loop);

/* Throws away what has come, and what is still to come, of the response to
   the request in this slot. It still ends with a result. */
void cshim_loop_drop(struct cshim_loop *loop, uint32_t slot);

/* Ends the request in this slot without a result. One that is on the wire
   takes its HTTP/1.1 connection with it, and what else is on it starts over.
   The easy handle must not be used again. */
void cshim_loop_give_up(struct cshim_loop *loop, uint32_t slot);

/* The caller has used so many bytes of a streamed body: there is room for
   more. */
void cshim_loop_consumed(struct cshim_loop *loop, uint32_t slot,
                         size_t bytes);

/* Hands over a piece of the request's body, the last one or not. -ENOMEM: not
   taken. */
int cshim_loop_feed(struct cshim_loop *loop, uint32_t slot,
                    const char *data, size_t length, int last);

/* Ends every connection that no request is on. */
void cshim_loop_close_idle(struct cshim_loop *loop);

/* Takes every request off the wire and closes every connection. The requests
   end without a result, the handles stay attached; those of the requests must
   not be used again. Negative on failure: then only cshim_loop_free() is
   left. */
int cshim_loop_reset(struct cshim_loop *loop);

/* A number that changes whenever a peer has acknowledged or sent bytes, or a
   socket came or went. Two equal answers: nothing moved in between. */
uint64_t cshim_loop_movement(const struct cshim_loop *loop);

/* One of the counters above. Any thread. */
uint64_t cshim_loop_count(const struct cshim_loop *loop,
                          enum cshim_counter which);

#endif
