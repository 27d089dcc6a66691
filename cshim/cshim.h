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

/* cshim_loop_run() and other functions return an errno value as a negative
   number when they fail, or this when a function of libcurl's multi handle
   failed. */
#define CSHIM_MULTI_FAILED (-100000)

/* The maximum number of requests, and of results, in one cshim_loop_run():
   large enough for a full pipeline, small enough that no request waits
   long. */
#define CSHIM_MAX_BATCH 512

/* How requests to one host share its connections. */
enum cshim_mode {
  CSHIM_IN_TURN, /* HTTP/1.1, one request at a time */
  CSHIM_PIPELINING, /* HTTP/1.1, pipelined */
  CSHIM_MULTIPLEXING /* HTTP/2 */
};

struct cshim_limits {
  enum cshim_mode mode;
  long pipeline_length; /* maximum number of requests on a connection */
  size_t header_bytes; /* a response with a larger header or trailer section is
                          not kept */
  size_t response_bytes; /* a larger response is not kept unless it is
                            streamed */
  size_t window_bytes; /* bytes of a streamed body that the caller may leave
                          unread before reading from its connection stops */
  size_t dropped_bytes; /* bytes of an unwanted response that are read before
                           its connection is closed */
  bool coalesce; /* on shared connections, send several TLS records in one
                    system call, and read all that has arrived in one */
  bool wake_one; /* when data arrives on an HTTP/2 connection, run one of its
                    requests, not all; restarts the time of
                    CURLOPT_LOW_SPEED_TIME */
  const char *ca_file; /* certificate authorities for connections whose handles
                          name none. All loops share the parsed authorities
                          while the file is unchanged. NULL: the handles' own
                          options decide */
  int tls_lowest; /* limits of the TLS version, 0x0301 to 0x0304, where libcurl
                     has no option for it; 0: none. Without OpenSSL 1.1.1 or
                     later a connection with a limit fails */
  int tls_highest; /* the same */
  bool check_names; /* refuse a certificate that does not name the server during
                       the handshake, if it is verified at all. Without it, or
                       without OpenSSL 1.1.1, the handles' own options
                       decide, after the handshake */
  bool only_http2; /* over TLS, offer the server nothing else. Needs OpenSSL
                      1.1.1 or later */
};

/* One request of a batch. In the batch's text, from `text` on, are the URL,
   the method (empty: GET or HEAD) and the header lines. Each ends with a
   NUL. */
struct cshim_request {
  uint32_t slot; /* from cshim_loop_attach() */
  uint32_t flags; /* CSHIM_REQUEST_* */
  uint32_t connection; /* from cshim_loop_connect() */
  size_t text; /* where this request starts in the batch's text */
  size_t text_length; /* with all NULs */
  int64_t upload_length; /* length of the body, with CSHIM_REQUEST_UPLOAD; -1:
                            not known, sent chunked */
};

#define CSHIM_REQUEST_HEAD 1 /* HEAD instead of GET */
#define CSHIM_REQUEST_STREAM 2 /* results come while the response arrives */
#define CSHIM_REQUEST_UPLOAD 4 /* has a body, see cshim_loop_feed() */
#define CSHIM_REQUEST_AGAIN 8 /* send the slot's last request, which ended with
                                 CSHIM_RESULT_LOST or CSHIM_RESULT_EXCESS,
                                 again. Only slot, connection,
                                 CSHIM_REQUEST_HTTP11 and CSHIM_REQUEST_HTTP2
                                 are read.
                                 It fails with CURLE_SEND_FAIL_REWIND if the
                                 part of the body that was sent is no longer
                                 complete in memory */
#define CSHIM_REQUEST_HTTP11 32 /* not HTTP/2 */
#define CSHIM_REQUEST_INTERIM 64 /* interim responses have results, and do not
                                    count towards header_bytes */
#define CSHIM_REQUEST_PROXY 128 /* the connection goes to an HTTP proxy, so the
                                   target has the absolute form */
#define CSHIM_REQUEST_CLOSE 16 /* the connection ends with the response */
#define CSHIM_REQUEST_HTTP2 2048 /* HTTP/2 from the first byte, for an http URL:
                                    the server is known to speak it */
#define CSHIM_REQUEST_SECURED 8192 /* the connection is the plain text of the
                                      caller's own TLS: what libcurl takes for
                                      an http URL is https */
#define CSHIM_REQUEST_GO_AGENT 16384 /* its User-Agent is the one of net/http,
                                        which has another over HTTP/2 */
#define CSHIM_REQUEST_EXPECT 1024 /* it asks for 100 (Continue): its body is
                                     fed after CSHIM_RESULT_HUNGRY, or when
                                     CSHIM_RESULT_EXPECTS is too long ago */

/* An event of one request. The pointers are valid until the next
   cshim_loop_run(), cshim_loop_disconnect() or cshim_loop_free(). A request
   that is not streamed has one result, with CSHIM_RESULT_DONE. A streamed one
   may have others before it, each with what has arrived since the last. */
struct cshim_result {
  uint32_t slot;
  uint32_t flags; /* CSHIM_RESULT_* */
  int32_t code; /* CURLcode, with CSHIM_RESULT_DONE */
  const char *response; /* header section of the final response, unless an
                           earlier result had it, then the (next part of the)
                           body; not NUL-terminated */
  size_t header_length;
  size_t body_length;
  const char *interim; /* header sections of interim responses, with
                          CSHIM_REQUEST_INTERIM */
  size_t interim_length;
  const char *trailer; /* trailer section of a chunked response */
  size_t trailer_length;
  const char *detail; /* libcurl's description of a failure; may be empty */
};

#define CSHIM_RESULT_DONE 1 /* the request has ended */
#define CSHIM_RESULT_TOO_LARGE 2 /* larger than header_bytes or response_bytes;
                                    nothing was kept */
#define CSHIM_RESULT_GIVEN_UP 4 /* more than dropped_bytes arrived; the
                                   connection was closed */
#define CSHIM_RESULT_HUNGRY 8 /* libcurl has taken all that was fed of the
                                 body, or 100 (Continue) has arrived; more is
                                 needed */
#define CSHIM_RESULT_EXPECTS 2048 /* the request was sent, and its body waits
                                     for 100 (Continue): over HTTP/2, where
                                     libcurl does not wait itself */
#define CSHIM_RESULT_SPENT 32 /* its easy handle must not be used again */
#define CSHIM_RESULT_HTTP2_ONLY 1024 /* from now on the easy handle may be used
                                        only on HTTP/2 connections */
#define CSHIM_RESULT_LOST 16 /* its connection ended, or accepts no more
                                requests, before a byte of the response
                                arrived */
#define CSHIM_RESULT_SENT 128 /* a byte of the request may have been sent */
#define CSHIM_RESULT_UNPROCESSED 256 /* with CSHIM_RESULT_LOST: the server has
                                        said that it did not process it */
#define CSHIM_RESULT_HTTP11 512 /* with CSHIM_RESULT_LOST: the server requires
                                   HTTP/1.1 for it */

/* News of a connection. CSHIM_CONNECTION_OVER means that all of its requests
   have had their results and its number may be used again. */
struct cshim_connection_news {
  uint32_t connection;
  uint32_t flags; /* CSHIM_CONNECTION_* */
};

#define CSHIM_CONNECTION_PROVEN 1 /* what it can do is known */
#define CSHIM_CONNECTION_MULTIPLEXES 2 /* with it: HTTP/2 */
#define CSHIM_CONNECTION_ANNOUNCED 4 /* the server has announced that it will
                                        close */
#define CSHIM_CONNECTION_UNUSABLE 32 /* it accepts no more requests: the server
                                        broke the protocol, or sent
                                        close_notify */
#define CSHIM_CONNECTION_OVER 8 /* it is closed */
#define CSHIM_CONNECTION_SECURED 16 /* TLS's handshake is made */

#define CSHIM_RESULT_MALFORMED 64 /* detail says how the response breaks
                                     RFC 9112; the connection was closed */
#define CSHIM_RESULT_EXCESS 4096 /* with CSHIM_RESULT_MALFORMED: its first
                                    line was refused, so it may be the rest
                                    of the response before it */

enum cshim_counter {
  CSHIM_SOCKETS_OPENED, /* sockets that the loop was given */
  CSHIM_SOCKETS_CLOSED, /* sum of the next three */
  CSHIM_CLOSED_BY_CLIENT, /* the client closed first */
  CSHIM_CLOSED_BY_SERVER, /* the server closed first */
  CSHIM_RESET_BY_SERVER, /* a RST arrived, or the network failed */
  CSHIM_GIVEN_UP, /* connections closed because of dropped_bytes */
  CSHIM_HANDSHAKES, /* TLS handshakes that made a new session */
  CSHIM_RESUMPTIONS, /* TLS handshakes that resumed one */
  CSHIM_RENEGOTIATIONS, /* later handshakes on a connection, up to TLS 1.2 */
  CSHIM_WANT_WRITE, /* TLS writes that the socket did not take */
  CSHIM_WANT_READ, /* renegotiations that had to wait for the server */
  CSHIM_BYTES_SENT, /* request bytes before TLS, counted at the request's
                       end */
  CSHIM_BYTES_RECEIVED, /* response bytes, with transfer coding, without TLS */
  CSHIM_COUNTERS
};

/* Whether loops can see how the streams of HTTP/2 connections end. If not,
   HTTP/2 must not be used: a truncated response would count as complete, and a
   request might be sent twice. They cannot in a program that is linked with
   nghttp2, nor if this code is in a shared library. */
bool cshim_http2_watched(void);

/* The groups of the patch series that libcurl has: bit 0 is group 01, DOING,
   bit 1 group 02, socket bookkeeping, and so on. 0 without the series. */
long cshim_pipeline_groups(void);

/* Makes a loop. Returns NULL, with errno set, if memory or descriptors run
   out. */
struct cshim_loop *cshim_loop_new(const struct cshim_limits *limits);

/* Cancels every request and closes every connection. After this only
   cshim_loop_count(), cshim_loop_detach() and cshim_loop_free() may be
   called. */
void cshim_loop_close(struct cshim_loop *loop);

/* Closes the loop, detaches the remaining handles, and frees it. Clean an easy
   handle up only after it was detached or after this. NULL is allowed. */
void cshim_loop_free(struct cshim_loop *loop);

/* Appends the secrets of later TLS connections to `file`, a descriptor of the
   caller's, in the format of SSLKEYLOGFILE. -1, the default, stops that. */
void cshim_loop_log_keys(struct cshim_loop *loop, int file);

/* Adds a connected stream socket to the loop, which makes it non-blocking and
   closes it. Returns the connection's number, or a negative errno; then the
   caller keeps the socket. */
int cshim_loop_connect(struct cshim_loop *loop, int socket);

/* Ends a connection. Its requests end without a result, and their easy handles
   must not be used again. There is no further news of it. */
void cshim_loop_disconnect(struct cshim_loop *loop, uint32_t connection);

/* Ends a connection as if the server had closed it: its requests fail in the
   next cshim_loop_run(), which also reports the end. */
void cshim_loop_break(struct cshim_loop *loop, uint32_t connection);

/* Whether a byte of the request in this slot was sent. The TLS handshake does
   not count. */
bool cshim_loop_sent(const struct cshim_loop *loop, uint32_t slot);

/* How far the response to the request in a slot has come. */
struct cshim_progress {
  uint64_t bytes; /* received on the connection; if the request has a body,
                     also those sent that the server has acknowledged */
  uint64_t heard; /* changes whenever bytes have been received */
  unsigned sections; /* header sections that have ended in the slot, interim
                        ones included */
  bool answered; /* the one of the final response has */
};

struct cshim_progress cshim_loop_progress(const struct cshim_loop *loop,
                                          uint32_t slot);

/* The text of the slot's last request. It is valid until the slot gets
   another. */
const char *cshim_loop_text(const struct cshim_loop *loop, uint32_t slot,
                            size_t *length);

/* A number that changes whenever the peer of a connection has acknowledged
   or sent bytes. If two calls return the same number, nothing moved in
   between. */
uint64_t cshim_loop_movement(const struct cshim_loop *loop,
                             uint32_t connection);

/* How a connection ended: CSHIM_CLOSED_BY_CLIENT, CSHIM_CLOSED_BY_SERVER or
   CSHIM_RESET_BY_SERVER; CSHIM_COUNTERS while it has not ended. This
   function and the next also work for a connection whose end the last run
   has reported. */
enum cshim_counter cshim_loop_end_of(const struct cshim_loop *loop,
                                     uint32_t connection);

/* What is known of a connection's TLS handshake. The pointers are valid as
   long as the connection is. */
struct cshim_handshake {
  bool done; /* the fields up to the protocol are agreed on */
  bool resumed;
  uint16_t version; /* 0x0303 is TLS 1.2 */
  uint16_t cipher; /* number of its suite */
  char protocol[32]; /* from ALPN [RFC 7301], or empty */
  int refusal; /* X509_V_ERR_*: why OpenSSL refuses the certificate, even if
                  that is ignored; 0: it does not */
  int alert; /* the last alert from the server, or -1 */
  bool has_record;
  uint8_t record[5]; /* header of the first record from the server, and whether
                        it has arrived */
  const char *certificates; /* the server's certificates, its own first, each
                               in DER after its length in four octets */
  size_t certificates_length;
  const char *chain; /* the verified chain, or only the certificate that was
                        refused */
  size_t chain_length;
  const char *staple; /* OCSP response, in DER */
  size_t staple_length;
};

/* NULL if nothing is known: without TLS, or without OpenSSL. */
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

/* Whether the private pointer of an easy handle is set, so that a loop would
   refuse it. */
bool cshim_is_private(void *easy);

/* Detaches the handle in a slot. A request that has not finished is cancelled.
   The options of cshim_loop_attach() are reset. */
void cshim_loop_detach(struct cshim_loop *loop, uint32_t slot);

/* Submits `count` requests (at most CSHIM_MAX_BATCH), in order, and runs until
   there is a result, cshim_loop_wake() was called, or `wait_ms` milliseconds
   have passed (-1: no limit). Returns the number of results in
   cshim_loop_results(), perhaps 0, or a negative error. After an error only
   cshim_loop_free() may be called. */
int cshim_loop_run(struct cshim_loop *loop,
                   const struct cshim_request *requests, size_t count,
                   const char *text, int wait_ms);
const struct cshim_result *cshim_loop_results(const struct cshim_loop *loop);

/* News of connections in the last cshim_loop_run(), later than its results.
   Returns how many there are. */
size_t cshim_loop_connection_news(const struct cshim_loop *loop,
                                  const struct cshim_connection_news **news);

/* Makes the current or the next cshim_loop_run() return at once. Costs a
   system call only when the loop sleeps. Any thread. */
void cshim_loop_wake(struct cshim_loop *loop);

/* Discards the response to the request in this slot, including the part that
   has not arrived. The request still ends with a result. */
void cshim_loop_drop(struct cshim_loop *loop, uint32_t slot);

/* Ends the request in this slot without a result. If it was sent over
   HTTP/1.1, its connection is closed, and the other requests on it start over.
   The easy handle must not be used again. */
void cshim_loop_give_up(struct cshim_loop *loop, uint32_t slot);

/* The caller has used this many bytes of a streamed body, so there is room for
   more. */
void cshim_loop_consumed(struct cshim_loop *loop, uint32_t slot,
                         size_t bytes);

/* Appends a piece to the request's body; `last` marks the final one. A request
   that is about to be sent again accepts pieces, too. Returns -ENOMEM if the
   piece was not taken. */
int cshim_loop_feed(struct cshim_loop *loop, uint32_t slot,
                    const char *data, size_t length, int last);

/* One of the counters above. Any thread. */
uint64_t cshim_loop_count(const struct cshim_loop *loop,
                          enum cshim_counter which);

#endif
