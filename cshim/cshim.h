#ifndef CSHIM_H
#define CSHIM_H
/*
 * cshim: an event loop around one curl_multi handle, for one caller.
 *
 * The caller hands over a batch of requests and gets back a batch of results
 * for each cshim_loop_run(). In between, the loop drives
 * curl_multi_socket_action() with epoll, or with poll(2) where there is none.
 * Nothing calls back to the caller, and nothing is shared between two loops.
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
   pipeline crosses at once, small enough that no request waits long. */
#define CSHIM_MAX_BATCH 512

/* How requests to one host share its connections. */
enum cshim_mode {
  CSHIM_IN_TURN, /* HTTP/1.1, one request a connection at a time */
  CSHIM_PIPELINING, /* HTTP/1.1, pipelined */
  CSHIM_MULTIPLEXING /* HTTP/2 */
};

struct cshim_limits {
  enum cshim_mode mode;
  long pipeline_length; /* at most so many requests on one connection */
  size_t header_bytes; /* a response whose header section, or trailer section,
                          is larger is not kept */
  size_t response_bytes; /* a response that is not streamed and is larger is
                            not kept */
  size_t window_bytes; /* so much of a streamed body may lie at the caller's
                          before reading from its connection stops */
  size_t dropped_bytes; /* so much of one response is read and thrown away
                           before its connection is given up */
  bool coalesce; /* where requests share a connection: TLS records that are
                    written back to back go to the socket in one system call,
                    and one reads all that has come */
  bool wake_one; /* has libcurl run one of the requests on an HTTP/2 connection
                    when something has come, and not all of them: not with
                    CURLOPT_LOW_SPEED_TIME, whose time starts over for it */
  const char *ca_file; /* of certificate authorities, for connections whose
                          handles name none; all loops share what is in it, as
                          long as it says the same. NULL: the handles' own
                          options decide */
  int tls_lowest; /* version of TLS, 0x0301 to 0x0304, that connections are
                     held to where libcurl cannot be told; 0: none. Without
                     OpenSSL 1.1.1 or later they fail. */
  int tls_highest; /* the same */
};

/* One request of a batch. The batch's text holds, from `text` on, the URL, the
   method (empty: GET or HEAD) and then each header line, each ended with a
   NUL. */
struct cshim_request {
  uint32_t slot; /* from cshim_loop_attach() */
  uint32_t flags; /* CSHIM_REQUEST_* */
  uint32_t connection; /* from cshim_loop_connect() */
  size_t text; /* where this request starts in the batch's text */
  size_t text_length; /* with all NULs */
  int64_t upload_length; /* of the body, for CSHIM_REQUEST_UPLOAD; -1: not
                            known, goes chunked */
};

#define CSHIM_REQUEST_HEAD 1 /* HEAD instead of GET */
#define CSHIM_REQUEST_STREAM 2 /* results come as the response does */
#define CSHIM_REQUEST_UPLOAD 4 /* has a body, see cshim_loop_feed() */
#define CSHIM_REQUEST_AGAIN 8 /* the slot's last request, which ended with
                                 CSHIM_RESULT_LOST, once more; nothing but
                                 slot, connection and CSHIM_REQUEST_HTTP11
                                 is looked at. It fails
                                 with CURLE_SEND_FAIL_REWIND when what was
                                 sent of its body is not all there any more. */
#define CSHIM_REQUEST_HTTP11 32 /* not HTTP/2 */
#define CSHIM_REQUEST_INTERIM 64 /* interim responses are told of, and do not
                                    count towards header_bytes */
#define CSHIM_REQUEST_PROXY 128 /* the connection is one to an HTTP proxy, which
                                   is asked in the absolute form */
#define CSHIM_REQUEST_CLOSE 16 /* the connection ends with the response */

/* News of one request. The pointers hold until the next cshim_loop_run(),
   cshim_loop_disconnect() or cshim_loop_free(). A request that is not streamed
   has one result with CSHIM_RESULT_DONE; one that is may have others before
   it, in each of which is what came since. */
struct cshim_result {
  uint32_t slot;
  uint32_t flags; /* CSHIM_RESULT_* */
  int32_t code; /* CURLcode, with CSHIM_RESULT_DONE */
  const char *response; /* the final response's header section, if it has not
                           come before, then (more of) its body; not
                           NUL-terminated */
  size_t header_length;
  size_t body_length;
  const char *interim; /* header sections of interim responses, with
                          CSHIM_REQUEST_INTERIM */
  size_t interim_length;
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
#define CSHIM_RESULT_HTTP2_ONLY 1024 /* nor but on a connection that speaks
                                        HTTP/2, from here on */
#define CSHIM_RESULT_LOST 16 /* its connection ended, or takes no more
                                requests, before a byte of the response
                                came */
#define CSHIM_RESULT_SENT 128 /* a byte of the request may have left */
#define CSHIM_RESULT_UNPROCESSED 256 /* with CSHIM_RESULT_LOST: the server has
                                        said that it did not act on it */
#define CSHIM_RESULT_HTTP11 512 /* with CSHIM_RESULT_LOST: the server wants
                                   HTTP/1.1 for it */

/* News of one connection. With CSHIM_CONNECTION_OVER all of its requests have
   had their results, and its number may be given to another. */
struct cshim_connection_news {
  uint32_t connection;
  uint32_t flags; /* CSHIM_CONNECTION_* */
};

#define CSHIM_CONNECTION_PROVEN 1 /* what it can do is known */
#define CSHIM_CONNECTION_MULTIPLEXES 2 /* with it: HTTP/2 */
#define CSHIM_CONNECTION_ANNOUNCED 4 /* the server has said that it ends */
#define CSHIM_CONNECTION_OVER 8 /* it is closed */
#define CSHIM_CONNECTION_SECURED 16 /* TLS's handshake is made */

#define CSHIM_RESULT_MALFORMED 64 /* detail says how the response breaks
                                     RFC 9112; the connection was closed */

enum cshim_counter {
  CSHIM_SOCKETS_OPENED, /* sockets that the loop was given */
  CSHIM_SOCKETS_CLOSED, /* sum of the next three */
  CSHIM_CLOSED_BY_CLIENT, /* the client closed first */
  CSHIM_CLOSED_BY_SERVER, /* the server closed first */
  CSHIM_RESET_BY_SERVER, /* a RST came, or the network took it away */
  CSHIM_GIVEN_UP, /* connections given up over dropped_bytes */
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

/* Gives a connected stream socket to the loop, which makes it non-blocking and
   closes it. Returns the connection's number, or a negative errno; then the
   socket stays the caller's. */
int cshim_loop_connect(struct cshim_loop *loop, int socket);

/* Ends a connection, and the requests on it without a result: their easy
   handles must not be used again. No news of it comes any more. */
void cshim_loop_disconnect(struct cshim_loop *loop, uint32_t connection);

/* Has a connection end: the requests on it fail with the next
   cshim_loop_run(), as if the server had closed it, and that tells of its
   end. */
void cshim_loop_break(struct cshim_loop *loop, uint32_t connection);

/* Whether a byte of the request in this slot has left, TLS's handshake not
   counted. */
bool cshim_loop_sent(const struct cshim_loop *loop, uint32_t slot);

/* The text of the slot's last request. It holds until the slot has another. */
const char *cshim_loop_text(const struct cshim_loop *loop, uint32_t slot,
                            size_t *length);

/* A number that changes whenever the peer of a connection has acknowledged or
   sent bytes. Two equal answers: nothing moved in between. */
uint64_t cshim_loop_movement(const struct cshim_loop *loop,
                             uint32_t connection);

/* How a connection ended: CSHIM_CLOSED_BY_CLIENT, CSHIM_CLOSED_BY_SERVER or
   CSHIM_RESET_BY_SERVER; CSHIM_COUNTERS while it has not. Like the next one
   for a connection whose end this run has told of, too. */
enum cshim_counter cshim_loop_end_of(const struct cshim_loop *loop,
                                     uint32_t connection);

/* What TLS told of a connection. The pointers hold as long as it does. */
struct cshim_handshake {
  bool done; /* what follows, up to the protocol, is agreed on */
  bool resumed;
  uint16_t version; /* 0x0303 is TLS 1.2 */
  uint16_t cipher; /* number of its suite */
  char protocol[32]; /* of ALPN [RFC 7301], or empty */
  int refusal; /* X509_V_ERR_*: what there is against the certificate, whether
                  it counts or not; 0: nothing */
  int alert; /* that the server sent, or -1 */
  bool has_record;
  uint8_t record[5]; /* with it, the header of the server's first record */
  const char *certificates; /* that the server showed, its own first; each in
                               DER, its length in four octets before it */
  size_t certificates_length;
  const char *chain; /* that was verified, or the one certificate that was
                        refused */
  size_t chain_length;
  const char *staple; /* OCSP response, in DER */
  size_t staple_length;
};

/* NULL when nothing is known: without TLS, or without OpenSSL. */
const struct cshim_handshake *
cshim_loop_handshake(const struct cshim_loop *loop, uint32_t connection);

/* Gives an easy handle (CURL *) to the loop and returns its slot, or a
   negative errno: -EBUSY when its private pointer is set. The loop sets the
   options that tie the handle to it: the functions for reading, seeking,
   writing, headers, opening and closing sockets and the TLS context, with
   their data; error buffer, private pointer and share; no decoding of transfer
   and content codings by libcurl, no header section among bodies, no length
   that is ignored; no proxy, no CURLOPT_CONNECT_ONLY and no following of
   redirections. URL, header list,
   method and what goes with them are set for each request. All other options
   stay what the caller made them. */
int cshim_loop_attach(struct cshim_loop *loop, void *easy);

/* Whether the private pointer of an easy handle is set, so that a loop would not
   take it. */
bool cshim_is_private(void *easy);

/* Lets go of a slot whose request, if any, has finished; one that has not is
   taken off the wire. The options of cshim_loop_attach() are set back. */
void cshim_loop_detach(struct cshim_loop *loop, uint32_t slot);

/* Submits `count` requests (at most CSHIM_MAX_BATCH), in order, and runs
   until there is a result, cshim_loop_wake() was called, or `wait_ms`
   milliseconds have passed (-1: no limit). Returns the number of results that
   cshim_loop_results() holds, perhaps 0, or a negative error; after an error
   only cshim_loop_free() may be called. */
int cshim_loop_run(struct cshim_loop *loop,
                   const struct cshim_request *requests, size_t count,
                   const char *text, int wait_ms);
const struct cshim_result *cshim_loop_results(const struct cshim_loop *loop);

/* News of connections, as the last cshim_loop_run() found them; they came
   after the results of that run. Returns how many there are. */
size_t cshim_loop_connection_news(const struct cshim_loop *loop,
                                  const struct cshim_connection_news **news);

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

/* Hands over a piece of the request's body, the last one or not; while the
   request is to be sent again, too. -ENOMEM: not taken. */
int cshim_loop_feed(struct cshim_loop *loop, uint32_t slot,
                    const char *data, size_t length, int last);

/* One of the counters above. Any thread. */
uint64_t cshim_loop_count(const struct cshim_loop *loop,
                          enum cshim_counter which);

#endif
