#ifndef CSHIM_INTERNAL_H
#define CSHIM_INTERNAL_H
/*
 * What the files of this package know of each other. Callers see cshim.h
 * only.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <curl/curl.h>
#include "cshim.h"
#include "framing.h"
#include "system.h"

#if LIBCURL_VERSION_NUM < 0x071e00
#error "cshim needs the headers of libcurl 7.30.0 or later"
#endif

/* What headers of that release lack. */
#if LIBCURL_VERSION_NUM < 0x072200 /* 7.34.0 */
#define CURLSSLBACKEND_OPENSSL 1
struct curl_tlssessioninfo {
  int backend;
  void *internals;
};
#endif
#if LIBCURL_VERSION_NUM < 0x072600 /* 7.38.0 */
#define CURLE_HTTP2 ((CURLcode)16)
#endif
#if LIBCURL_VERSION_NUM < 0x073100 /* 7.49.0 */
#define CURLE_HTTP2_STREAM ((CURLcode)92)
#define CURLOPT_CONNECT_TO ((CURLoption)(CURLOPTTYPE_OBJECTPOINT + 243))
#endif
#if LIBCURL_VERSION_NUM < 0x073300 /* 7.51.0 */
#define CURLE_WEIRD_SERVER_REPLY ((CURLcode)8)
#endif

/* Bytes that grow as they come. */
struct buffer {
  char *data;
  size_t length;
  size_t capacity;
};

struct bio; /* of bio.c */
struct spare; /* of buffer.c */
struct handshake; /* of handshake.h */
struct authorities; /* of authorities.c */

/* One connection and the multi handle that it has for itself: whatever is in
   that handle is on this connection, or nowhere. libcurl gets its socket once,
   and no other, so it can send nothing again. */
struct connection {
  struct cshim_loop *loop;
  uint32_t number; /* its place in the loop's connections */
  CURLM *multi;
  curl_socket_t socket; /* CURL_SOCKET_BAD once it is closed */
  bool taken; /* libcurl has got the socket */
  bool closing; /* the caller has it closed */
  bool over; /* nothing moves on it any more */
  enum cshim_counter seen_end; /* how the server ended it, as OpenSSL saw */
  enum cshim_counter end; /* how its socket was closed, once it is */
  struct connection *next_retired;
  struct handshake *handshake; /* what TLS told of it; NULL: nothing */
  void *ssl; /* OpenSSL's, if it reads the socket by itself */
  const void *tls; /* the same, also where libcurl reads it for OpenSSL */
  bool proven; /* a header section has come: of what, the caller was told */
  uint32_t news; /* CSHIM_CONNECTION_* that the caller is to be told */

  /* What libcurl waits for on the socket is written down at once and told to
     the poller only before the next wait, because libcurl changes its mind
     many times while it works off a pipeline. */
  uint32_t wanted; /* READY_* */
  uint32_t applied; /* READY_*; 0 when the poller does not have the socket */
  struct bio *bio; /* between OpenSSL and the socket, or NULL; see bio.c */
  bool output; /* bytes of its wait until the socket takes more */
  bool unheard; /* at rest: something has come that stays in the socket */
  bool futile; /* libcurl wrote nothing when it could, see watch_futile() */
  uint64_t read_turn; /* of the loop, in which so many bytes were read: */
  size_t read_bytes; /* see has_had_its_turn() */
  uint64_t reads; /* of OpenSSL's that got something */
  uint64_t writes; /* and of those that the socket took */
  bool changed; /* in the loop's list of changed ones */
  struct connection *next_changed;

  bool timer_set;
  int64_t timer_at; /* milliseconds, CLOCK_MONOTONIC */

  bool touched; /* in the loop's list of those that libcurl worked on */
  struct connection *next_touched;

  struct transfer *first; /* its requests, in order of submission */
  struct transfer *last;
  struct connection *next; /* those with requests */
  struct connection *previous;

  struct http2_session *session; /* that libcurl has on it, or NULL */
  size_t uploads; /* of its requests, those that have a body */
  struct transfer *requesting; /* libcurl is about to send its request */
  bool left; /* one on it was taken off: the others look */
  int64_t look_at; /* milliseconds, CLOCK_MONOTONIC; 0: no look is due */
  unsigned looks; /* since its last event, see look_again() */
  bool has_broken; /* transfers that end_broken() is to end */
  bool session_changed; /* http2_settle() has something to do */

  const struct transfer *dropping; /* at its head; nobody wants its response */
  uint64_t dropped_from; /* bytes that had come when that began */

  /* For a system that does not count a connection's bytes. */
  uint64_t moves; /* signs that the server has sent or acknowledged some */
  uint64_t sent; /* of its requests, when it was last looked at */
  int unacknowledged; /* and of that */
};

struct http2_session; /* of http2.h */

/* The request's stream on an HTTP/2 connection, see http2.c. */
struct stream {
  struct http2_session *session; /* NULL: none yet, or it is left or gone */
  struct transfer *next; /* in a list of its session's */
  int32_t id; /* 0: not sent over HTTP/2 */
  bool sent; /* the request was, over HTTP/2 */
  bool downgrade; /* the server wants HTTP/1.1 for it */
  uint32_t error; /* that it was closed with */
  uint32_t goaway; /* error of the connection's GOAWAY */
  bool allowed; /* the request may be sent: libcurl was just given it */
  bool begun; /* a header section has come */
  bool ended; /* END_STREAM has come */
  bool reset; /* RST_STREAM has come */
  bool closed;
  bool final; /* the last :status was that of a final response */
  bool answered; /* its header section has come */
  bool withheld; /* libcurl does not know that it is closed: see
                    http2_closed() */
  bool refused; /* the server has not processed the request */
  bool cut; /* the connection ended before the response did */
  bool left; /* it is one that the server leaves, or left */
  bool broke; /* or broke */
  uint64_t received; /* of the body, as frames */
  uint64_t delivered; /* and by libcurl */
  bool has_length;
  uint64_t length; /* Content-Length */
  size_t fields; /* bytes of field lines, interim responses included */
};

enum transfer_state {
  TRANSFER_IDLE,
  TRANSFER_ACTIVE, /* in the multi handle */
  TRANSFER_FINISHED /* its last result is in the loop's results */
};

/* One attached easy handle and the request it carries. */
struct transfer {
  struct cshim_loop *loop;
  CURL *easy;
  uint32_t slot;
  enum transfer_state state;
  struct connection *connection; /* while active */
  uint32_t flags; /* CSHIM_REQUEST_* */
  bool dropping; /* read the rest of the response, keep nothing */
  bool discarding; /* what libcurl has kept of it is not wanted, either */
  bool reported; /* a result of this run speaks of it */
  bool in_news; /* in the loop's list of those with news */
  uint32_t result_flags;

  /* response */
  struct framing framing; /* what libcurl delivers, read strictly */
  const char *refusal; /* why that was refused */
  bool satisfied; /* that it was is no error: the response is complete */
  bool begun; /* a byte of it has come */
  bool header_taken; /* and the caller has it */
  bool paused; /* libcurl was told to stop delivering */
  size_t header_length;
  size_t sections_length; /* of all header sections, interim ones included */
  size_t shown; /* of the response so far, in the result of this run */
  size_t outstanding; /* of a streamed body: delivered, not consumed */
  size_t dropped;
  struct buffer response;
  struct buffer interim; /* header sections that the caller was not told of */
  struct buffer trailer;

  /* request */
  bool http2_only; /* see remembers_headers() */
  uint32_t special; /* CSHIM_REQUEST_* that the last request has set options
                       for, and TRANSFER_METHOD, _TARGET */
  struct buffer text;
  struct curl_slist *lines; /* one node a header line, data in text */
  size_t lines_capacity;
  struct buffer upload; /* of the body, what was fed */
  size_t upload_sent; /* and how much of it libcurl has taken */
  int64_t upload_length; /* that was said, or -1 */
  int64_t upload_taken; /* by libcurl, since it last began */
  bool upload_complete; /* the last piece was fed */
  bool upload_waiting; /* libcurl was told to wait for more */
  bool upload_cut; /* what was sent is not all in the buffer any more */

  bool submitted; /* libcurl has had it */
  bool refused; /* libcurl wanted to send it over another connection */
  bool untrusting; /* the file of authorities could not be had */
  CURLcode broken; /* with this it has lost a part of the response */
  struct stream stream;

  struct transfer *next; /* on the same connection, in order of submission */
  struct transfer *previous;
  struct transfer *next_news;
  char detail[CURL_ERROR_SIZE];
};

#define TRANSFER_METHOD 0x100
#define TRANSFER_TARGET 0x200

struct cshim_loop {
  struct cshim_limits limits;
  unsigned libcurl; /* the number of its version */
  CURLSH *share; /* TLS sessions, which outlive a connection */
  struct poller *poller;
  int key_log; /* file descriptor, or -1 */
  char *ca_file; /* of the limits, or NULL */
  struct authorities *authorities; /* of it, or NULL */
  atomic_int sleep_state; /* SLEEP_* in loop.c */
  int failure; /* first failure inside a callback: negative errno */
  struct connection **connections;
  uint32_t connection_count;
  uint32_t free_connections_from; /* no free place before this one */
  struct connection *active; /* those with requests */
  struct connection *changed; /* those of which the poller does not know all */
  struct connection *touched; /* those that libcurl worked on in this turn */
  struct connection *retired; /* those to be freed when the caller has read
                                 what this run tells */
  struct bio *busy; /* those that hold bytes */
  struct bio *next_busy; /* the next that bio_next_input() looks at */
  uint64_t turn; /* counts what the loop waited, or was called */
  bool held_back; /* in this turn, a connection that could have read more */
  uint64_t input_taken; /* bytes that OpenSSL took of what was read ahead */
  bool sees_requests; /* libcurl tells of each before it sends it */
  struct transfer **slots;
  uint32_t slot_count;
  uint32_t free_from; /* no free slot before this one */
  struct transfer *news; /* those with something to tell before their end */
  struct spare *spares; /* memory that no response needs at the moment */
  size_t spare_bytes; /* of it */
  struct cshim_result *results;
  size_t result_count;
  struct cshim_connection_news *connection_news;
  size_t connection_news_count;
  atomic_uint_fast64_t counters[CSHIM_COUNTERS];
};

/* loop.c */
void loop_count(struct cshim_loop *loop, enum cshim_counter which,
                uint64_t by);
void loop_act(struct connection *connection, curl_socket_t socket, int bits);

/* results.c: what a run tells its caller */
void results_forget(struct cshim_loop *loop);
bool results_any(const struct cshim_loop *loop);
void results_add(struct transfer *transfer, CURLcode code);
void results_finish(struct transfer *transfer, CURLcode code);
void results_gather(struct cshim_loop *loop);
void results_gather_news(struct cshim_loop *loop);
void results_tell(struct transfer *transfer);
void results_forget_news(struct transfer *transfer);
struct transfer *results_use(struct cshim_loop *loop, uint32_t slot);

/* watch.c: sockets and the timer, as libcurl asks for them */
int watch_install(struct connection *connection);
void watch_apply(struct cshim_loop *loop);
void watch_changed(struct connection *connection);
void watch_forget(struct connection *connection);
void watch_output(struct connection *connection, bool waits);
void watch_futile(struct connection *connection, bool futile);
int64_t watch_now_ms(void);

/* connection.c: which connections there are, and how they end */
void connection_touch(struct connection *connection);
void connection_prove(struct connection *connection, bool multiplexes);
void connection_untouch(struct connection *connection);
CURLMcode connection_add(struct connection *connection,
                         struct transfer *transfer);
void connection_remove(struct transfer *transfer);
void connection_end(struct connection *connection);
void connection_retire(struct connection *connection);
void connection_free_retired(struct cshim_loop *loop);
const struct connection *connection_told(const struct cshim_loop *loop,
                                         uint32_t number);

/* socket.c: the socket of a connection, as libcurl is given it */
bool socket_tie(struct transfer *transfer);
CURLcode socket_proxy(CURL *easy, bool proxied);
void socket_untie(CURL *easy);
bool socket_prepare(struct transfer *transfer,
                    struct connection *connection);
void socket_close(struct connection *connection);

/* nghttp2.c: a caller of libcurl for a connection says so */
struct connection *http2_enter(struct connection *connection);
void http2_leave(struct connection *before);

/* wake.c: whom libcurl runs when something has come */
bool wake_reaches_all(const struct cshim_loop *loop);
void wake_readers(struct connection *connection);

/* http2.c: requests on HTTP/2 connections */
bool http2_tie(struct transfer *transfer);
void http2_untie(CURL *easy);
void http2_begin(struct transfer *transfer);
void http2_closing(struct connection *connection);
void http2_settle(struct connection *connection);
void http2_delivered(struct transfer *transfer, size_t length);
CURLcode http2_judge(struct transfer *transfer, CURLcode code);
bool http2_cut(const struct transfer *transfer);
void http2_leave_stream(struct transfer *transfer);
void http2_left_stream(struct transfer *transfer);

/* rest.c: connections that no request is on */
bool rest_is_quiet(struct connection *connection,
                   const struct transfer *transfer);
bool rest_may_go_on(struct connection *connection);

/* tls.c: what OpenSSL tells about a connection */
bool tls_tie(struct transfer *transfer);
void tls_untie(CURL *easy);
bool tls_is_quiet(struct connection *connection);
struct connection *tls_connection_of(const void *ssl);
const void *tls_session(const struct transfer *transfer);
bool tls_is_http2(const struct transfer *transfer);

/* authorities.c: whom connections trust */
bool authorities_trust(struct cshim_loop *loop, void *context);
void authorities_leave(struct cshim_loop *loop);

/* wildcard.c: which wildcards in a server's certificate count */
void wildcard_install(void *context);

/* bio.c: between OpenSSL and the socket of a connection that requests share */
void *bio_install(struct connection *connection, void *ssl);
void bio_writable(struct connection *connection);
size_t bio_take(struct connection *connection, void *data, size_t size);
bool bio_has_input(const struct connection *connection);
struct connection *bio_first_input(struct cshim_loop *loop);
struct connection *bio_next_input(struct cshim_loop *loop);
void bio_settle(struct cshim_loop *loop);

/* transfer.c: an attached easy handle */
struct transfer *transfer_new(struct cshim_loop *loop, CURL *easy,
                              uint32_t slot);
void transfer_free(struct transfer *transfer);
void transfer_pause(struct transfer *transfer);
void transfer_result(struct transfer *transfer, int code,
                     struct cshim_result *result);
void transfer_taken(struct transfer *transfer);
CURLcode transfer_lost(struct transfer *transfer,
                       const struct connection *connection, CURLcode code);
bool transfer_fits(const struct transfer *transfer,
                   const struct connection *connection);
long transfer_sent(const struct transfer *transfer);
void transfer_rest(struct transfer *transfer);

/* request.c: sets an easy handle up for a request */
bool request_tie(struct transfer *transfer);
CURLcode request_prepare(struct transfer *transfer,
                         const struct cshim_request *request,
                         const char *text);
CURLcode request_again(struct transfer *transfer, uint32_t flags);

/* response.c: gathers what libcurl delivers */
bool response_tie(struct transfer *transfer);
void response_untie(CURL *easy);
void response_begin(struct transfer *transfer);
CURLcode response_end(struct transfer *transfer, CURLcode code);
void response_drop(struct transfer *transfer);
void response_discard(struct transfer *transfer);
void response_consumed(struct transfer *transfer, size_t bytes);

/* upload.c: the body of a request */
bool upload_tie(struct transfer *transfer);
void upload_untie(CURL *easy);
void upload_begin(struct transfer *transfer, int64_t length);
bool upload_again(struct transfer *transfer);
bool upload_is_whole(const struct transfer *transfer);
int upload_feed(struct transfer *transfer, const char *data, size_t length,
                bool last);

/* buffer.c: bytes that grow as they come */
bool buffer_append(struct buffer *buffer, const char *data, size_t length);
bool buffer_reserve(struct buffer *buffer, size_t capacity);
void buffer_free(struct buffer *buffer);
bool buffer_take(struct cshim_loop *loop, struct buffer *buffer);
void buffer_give(struct cshim_loop *loop, struct buffer *buffer);
void buffer_free_spares(struct cshim_loop *loop);

#endif
