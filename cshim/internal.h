#ifndef CSHIM_INTERNAL_H
#define CSHIM_INTERNAL_H
/*
 * Declarations that the files of this package share. Callers see cshim.h only.
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

/* Names that the headers of that release lack. */
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

/* A buffer that grows as bytes arrive. */
struct buffer {
  char *data;
  size_t length;
  size_t capacity;
};

struct bio; /* of bio.c */
struct spare; /* of buffer.c */
struct handshake; /* of handshake.h */
struct authorities; /* of authorities.c */

/* A connection and its multi handle. All that is in the handle is on this
   connection. libcurl gets this socket once and no other, so it cannot send a
   request again on another connection. */
struct connection {
  struct cshim_loop *loop;
  uint32_t number; /* its index in the loop's connections */
  CURLM *multi;
  curl_socket_t socket; /* CURL_SOCKET_BAD once it is closed */
  bool taken; /* libcurl has got the socket */
  bool closing; /* the caller has closed it */
  bool over; /* nothing is sent or received on it any more */
  enum cshim_counter seen_end; /* how the server ended it, as seen by
                                  OpenSSL */
  enum cshim_counter end; /* how its socket was closed, if it is */
  struct connection *next_retired;
  struct handshake *handshake; /* what is known of its handshake; NULL:
                                  nothing */
  void *ssl; /* OpenSSL's, if it reads the socket by itself */
  const void *tls; /* the same, also where libcurl reads it for OpenSSL */
  bool proven; /* a header section has arrived; the news has its kind */
  uint32_t news; /* CSHIM_CONNECTION_* not yet reported to the caller */

  /* What libcurl waits for on the socket is noted here. The poller is told
     before the next wait, because libcurl changes it many times while it works
     through a pipeline. */
  uint32_t wanted; /* READY_* */
  uint32_t applied; /* READY_* that the poller has; 0: none */
  struct bio *bio; /* between OpenSSL and the socket, or NULL; see bio.c */
  bool output; /* the BIO has bytes that wait until the socket takes more */
  bool unheard; /* at rest, and bytes have arrived that stay in the socket */
  bool futile; /* libcurl was called when the socket was writable and wrote
                  nothing, see watch_futile() */
  uint64_t read_turn; /* the loop's turn in which read_bytes were read */
  size_t read_bytes; /* see has_had_its_turn() */
  uint64_t reads; /* OpenSSL's reads that got something */
  uint64_t writes; /* OpenSSL's writes that the socket took */
  bool changed; /* in the loop's list of changed connections */
  struct connection *next_changed;

  bool timer_set;
  int64_t timer_at; /* milliseconds, CLOCK_MONOTONIC */

  bool touched; /* in the loop's list of those that libcurl worked on */
  struct connection *next_touched;

  struct transfer *first; /* its requests, in order of submission */
  struct transfer *last;
  struct connection *next; /* those with requests */
  struct connection *previous;

  struct http2_session *session; /* libcurl's session on it, or NULL */
  size_t uploads; /* number of its requests that have a body */
  struct transfer *requesting; /* libcurl is about to send its request */
  bool left; /* a transfer was taken off: run the others */
  int64_t look_at; /* when to look again, in milliseconds, CLOCK_MONOTONIC; 0:
                      never */
  unsigned looks; /* since its last event, see look_again() */
  bool has_broken; /* it has transfers that end_broken() must end */
  bool session_changed; /* http2_settle() has something to do */

  const struct transfer *dropping; /* the first transfer, if nobody wants its
                                      response */
  uint64_t dropped_from; /* bytes that had arrived when that began */

  uint64_t taken_before; /* see system_written() */
  unsigned fruitless;
  uint64_t moves; /* signs that the server has sent bytes */

  /* For a system that does not count a connection's bytes: moves is then also
     counted up for those that were acknowledged. */
  uint64_t sent; /* request bytes sent when it was last checked */
  int unacknowledged; /* and of that */
};

struct http2_session; /* of http2.h */

/* The request's stream on an HTTP/2 connection, see http2.c. */
struct stream {
  struct http2_session *session; /* NULL: none yet, or left, or gone */
  struct transfer *next; /* in a list of the session's streams */
  int32_t id; /* 0: not sent over HTTP/2 */
  bool sent; /* the request was sent, over HTTP/2 */
  bool downgrade; /* the server requires HTTP/1.1 for the request */
  uint32_t error; /* that it was closed with */
  uint32_t goaway; /* error of the connection's GOAWAY */
  bool allowed; /* the request may be sent: libcurl has just got it */
  bool begun; /* a header section has arrived */
  bool ended; /* END_STREAM has come */
  bool reset; /* RST_STREAM has come */
  bool closed;
  bool final; /* the last :status was that of a final response */
  bool answered; /* the header section of the final response has arrived */
  bool withheld; /* libcurl does not know that it is closed: see
                    http2_closed() */
  bool refused; /* the server has not processed the request */
  bool cut; /* the connection ended before the response did */
  bool left; /* the server leaves, or has left, the connection */
  bool broke; /* or broke */
  uint64_t received; /* of the body, in frames, whole ones or not */
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
  bool discarding; /* discard also what libcurl has buffered of it */
  bool reported; /* this run has a result for it */
  bool in_news; /* in the loop's list of transfers with news */
  uint32_t result_flags;

  /* response */
  struct framing framing; /* strict parser of what libcurl delivers */
  const char *refusal; /* why that was refused */
  bool satisfied; /* the response is complete, so the refusal was no error */
  bool begun; /* a byte of it has come */
  bool header_taken; /* and the caller has it */
  bool paused; /* libcurl was told to stop delivering */
  size_t header_length;
  bool line_taken; /* a line of a header section was read and not refused */
  size_t sections_length; /* length of all header sections that are not yet
                             told, interim ones included */
  unsigned sections; /* header sections that have ended, since the first
                        request */
  size_t shown; /* bytes of the response in this run's result */
  size_t outstanding; /* of a streamed body: delivered but not consumed */
  size_t dropped;
  struct buffer response;
  struct buffer line; /* pieces of a line of a header section */
  struct buffer interim; /* interim header sections not yet reported */
  struct buffer trailer;

  /* request */
  bool http2_only; /* see remembers_headers() */
  uint32_t special; /* CSHIM_REQUEST_* and TRANSFER_* for which the last
                       request has set options */
  struct buffer text;
  struct curl_slist *lines; /* one node a header line, data in text */
  size_t lines_capacity;
  struct buffer upload; /* what was fed of the body */
  size_t upload_sent; /* the part of it that libcurl has taken */
  int64_t upload_length; /* that was said, or -1 */
  int64_t upload_taken; /* taken by libcurl since it last started from the
                           beginning */
  bool upload_complete; /* the last piece was fed */
  bool upload_held; /* nothing of it was fed, as it waits for 100 (Continue) */
  bool upload_waiting; /* libcurl was told to wait for more */
  bool upload_cut; /* part of what was sent is no longer in the buffer */

  bool submitted; /* libcurl has had it */
  bool refused; /* libcurl asked for another connection */
  bool untrusting; /* the authorities could not be loaded */
  CURLcode broken; /* libcurl has lost a part of the response, with this
                      error */
  struct stream stream;

  struct transfer *next; /* on the same connection, in order of submission */
  struct transfer *previous;
  struct transfer *next_news;
  char detail[CURL_ERROR_SIZE];
};

#define TRANSFER_METHOD 0x100
#define TRANSFER_TARGET 0x200
#define TRANSFER_PRIOR 0x1000 /* libcurl begins with HTTP/2 */

struct cshim_loop {
  struct cshim_limits limits;
  unsigned libcurl; /* LIBCURL_VERSION_NUM of the loaded library */
  CURLSH *share; /* TLS sessions, which outlive a connection */
  struct poller *poller;
  int key_log; /* file descriptor, or -1 */
  char *ca_file; /* of the limits, or NULL */
  struct authorities *authorities; /* of it, or NULL */
  atomic_int sleep_state; /* SLEEP_* in loop.c */
  int failure; /* negative errno of the first failure inside a callback */
  struct connection **connections;
  uint32_t connection_count;
  uint32_t free_connections_from; /* no free place before this one */
  struct connection *active; /* those with requests */
  struct connection *changed; /* connections whose changes the poller does not
                                 know yet */
  struct connection *touched; /* connections that libcurl worked on in this
                                 turn */
  struct connection *retired; /* connections to free when the caller has read
                                 this run's results */
  struct bio *busy; /* those that hold bytes */
  struct bio *next_busy; /* the next BIO that bio_next_input() looks at */
  uint64_t turn; /* number of times that the loop waited or was called */
  bool held_back; /* in this turn, a connection was stopped before it had read
                     all */
  uint64_t input_taken; /* bytes read ahead that OpenSSL has taken */
  bool sees_requests; /* libcurl calls back before it sends each request */
  struct transfer **slots;
  uint32_t slot_count;
  uint32_t free_from; /* no free slot before this one */
  struct transfer *news; /* transfers with something to report before their
                            end */
  struct spare *spares; /* memory kept for the next responses */
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

/* results.c: what a run reports to its caller */
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

/* connection.c: the connections and how they end */
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

/* socket.c: gives libcurl the socket of a connection */
bool socket_tie(struct transfer *transfer);
CURLcode socket_proxy(CURL *easy, bool proxied);
void socket_untie(CURL *easy);
bool socket_prepare(struct transfer *transfer,
                    struct connection *connection);
void socket_close(struct connection *connection);

/* nghttp2.c: marks the connection that libcurl is called for */
struct connection *http2_enter(struct connection *connection);
void http2_leave(struct connection *before);

/* wake.c: which transfers libcurl runs when data has arrived */
bool wake_reaches_all(const struct cshim_loop *loop);
void wake_readers(struct connection *connection);
void wake_holder(struct connection *connection);

/* http2.c: requests on HTTP/2 connections */
bool http2_tie(struct transfer *transfer);
void http2_untie(CURL *easy);
void http2_begin(struct transfer *transfer);
void http2_closing(struct connection *connection);
void http2_settle(struct connection *connection);
void http2_delivered(struct transfer *transfer, size_t length);
size_t http2_disguise(const struct transfer *transfer, const char *line,
                      size_t length);
CURLcode http2_judge(struct transfer *transfer, CURLcode code);
bool http2_cut(const struct transfer *transfer);
void http2_leave_stream(struct transfer *transfer);
void http2_left_stream(struct transfer *transfer);

/* rest.c: connections at rest */
bool rest_is_quiet(struct connection *connection,
                   const struct transfer *transfer);
bool rest_may_go_on(struct connection *connection);

/* tls.c: what OpenSSL reports about a connection */
bool tls_tie(struct transfer *transfer);
void tls_untie(CURL *easy);
bool tls_is_quiet(struct connection *connection);
struct connection *tls_connection_of(const void *ssl);
const void *tls_session(const struct transfer *transfer);
bool tls_is_http2(const struct transfer *transfer);

/* authorities.c: the authorities that connections trust */
bool authorities_trust(struct cshim_loop *loop, void *context);
void authorities_leave(struct cshim_loop *loop);

/* wildcard.c: which wildcards in a server's certificate are valid */
void wildcard_install(void *context);

/* bio.c: a BIO between OpenSSL and the socket of a shared connection */
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
void transfer_explain(struct transfer *transfer, CURLcode code);
long transfer_sent(const struct transfer *transfer);
void transfer_rest(struct transfer *transfer);

/* request.c: prepares an easy handle for a request */
bool request_tie(struct transfer *transfer);
CURLcode request_prepare(struct transfer *transfer,
                         const struct cshim_request *request,
                         const struct connection *connection,
                         const char *text);
CURLcode request_again(struct transfer *transfer, uint32_t flags,
                       const struct connection *connection);

/* response.c: collects what libcurl delivers */
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
void upload_want(struct transfer *transfer);
int upload_feed(struct transfer *transfer, const char *data, size_t length,
                bool last);

/* buffer.c: buffers that grow as bytes arrive */
bool buffer_append(struct buffer *buffer, const char *data, size_t length);
bool buffer_reserve(struct buffer *buffer, size_t capacity);
void buffer_free(struct buffer *buffer);
bool buffer_take(struct cshim_loop *loop, struct buffer *buffer);
void buffer_give(struct cshim_loop *loop, struct buffer *buffer);
void buffer_free_spares(struct cshim_loop *loop);

#endif
