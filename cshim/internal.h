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

#if LIBCURL_VERSION_NUM < 0x071e00
#error "cshim needs the headers of libcurl 7.30.0 or later"
#endif

/* Bytes that grow as they come. */
struct buffer {
  char *data;
  size_t length;
  size_t capacity;
};

/* A socket that libcurl wants watched. What it wants is written down at once
   and told to epoll only before the next wait, because libcurl changes its
   mind many times while it works off a pipeline. */
struct watch {
  curl_socket_t socket;
  uint32_t wanted; /* epoll events */
  bool output; /* bytes of ours wait until it takes more, see bio.c */
  uint32_t applied; /* epoll events; 0 when epoll does not have the socket */
  bool changed; /* in the loop's list of changed watches */
  struct watch *next_changed;
  struct watch *next;
  struct watch *previous;
};

struct bio; /* of bio.c */

/* A socket that libcurl opened to connect, and for whom. */
struct connection {
  curl_socket_t socket;
  void *ssl; /* OpenSSL's, if it reads the socket by itself */
  const void *session; /* the same, also where libcurl reads it for OpenSSL */
  bool http2;
  uint32_t origin;
  struct connection *next;
};

struct http2_session; /* of http2.h */

/* The request's stream on an HTTP/2 connection, see http2.c. */
struct stream {
  struct http2_session *session; /* NULL: none yet, or it is left or gone */
  struct transfer *next; /* in a list of its session's */
  int32_t id; /* 0: not sent over HTTP/2 */
  uint32_t sendings; /* so often the request was sent over HTTP/2 */
  uint32_t refusals; /* and so often it was refused for nothing */
  uint32_t error; /* that it was closed with */
  uint32_t goaway; /* error of the connection's GOAWAY */
  bool allowed; /* the request may be sent: libcurl was just given it */
  bool begun; /* a header section has come */
  bool ended; /* END_STREAM has come */
  bool reset; /* RST_STREAM has come */
  bool closed;
  bool refused; /* the server has not processed the request */
  bool cut; /* the connection ended before the response did */
  bool left; /* it is one that the server leaves, or left */
  bool broke; /* or broke */
  bool progress; /* it answered others meanwhile */
  uint64_t answered_before; /* responses on it when the request was sent */
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
  uint32_t flags; /* CSHIM_REQUEST_* */
  uint32_t origin;
  bool dropping; /* read the rest of the response, keep nothing */
  bool discarding; /* what libcurl has kept of it is not wanted, either */
  bool reported; /* a result of this run speaks of it */
  bool in_news; /* in the loop's list of those with news */
  uint32_t result_flags;

  /* response */
  struct framing framing; /* what libcurl delivers, read strictly */
  const char *refusal; /* why that was refused */
  bool satisfied; /* that it was is no error: the response is complete */
  bool header_taken; /* and the caller has it */
  bool paused; /* libcurl was told to stop delivering */
  size_t header_length;
  size_t sections_length; /* of all header sections, interim ones included */
  size_t shown; /* of the response so far, in the result of this run */
  size_t outstanding; /* of a streamed body: delivered, not consumed */
  size_t dropped;
  struct buffer response;
  struct buffer trailer;

  /* request */
  uint32_t special; /* CSHIM_REQUEST_* that the last request has set options
                       for, TRANSFER_METHOD and TRANSFER_CONNECT_TO */
  struct buffer text;
  struct curl_slist connect_to;
  struct curl_slist *lines; /* one node a header line, data in text */
  size_t lines_capacity;
  struct buffer upload; /* of the body, what was fed */
  size_t upload_sent; /* and how much of it libcurl has taken */
  int64_t upload_length; /* that was said, or -1 */
  int64_t upload_taken; /* by libcurl, since it last began */
  bool upload_complete; /* the last piece was fed */
  bool upload_waiting; /* libcurl was told to wait for more */
  bool upload_cut; /* what was sent is not all in the buffer any more */

  /* retries */
  long sent_before; /* CURLINFO_REQUEST_SIZE when its connection last died */
  uint32_t retries;
  bool lost; /* to be taken off: may not be sent again */
  struct stream stream;

  struct transfer *next; /* active transfers, in order of submission */
  struct transfer *previous;
  struct transfer *next_news;
  char detail[CURL_ERROR_SIZE];
};

#define TRANSFER_METHOD 0x100
#define TRANSFER_CONNECT_TO 0x200

struct cshim_loop {
  struct cshim_limits limits;
  CURLM *multi;
  CURLSH *share; /* TLS sessions, which outlive a reset */
  int epoll;
  int event; /* eventfd that ends a sleep */
  int key_log; /* file descriptor, or -1 */
  atomic_int sleep_state; /* SLEEP_* in loop.c */
  bool timer_set;
  int64_t timer_at; /* milliseconds, CLOCK_MONOTONIC */
  bool lost_socket; /* one was closed since libcurl last ran every handle */
  bool closing; /* the caller has all connections closed */
  bool lost_transfers; /* some transfer is marked lost */
  int failure; /* first failure inside a callback: negative errno */
  struct watch *watches;
  struct watch *changed;
  struct bio *busy; /* those that hold bytes */
  struct bio *next_busy; /* the next that bio_next_input() looks at */
  uint64_t turn; /* counts what the loop waited, or was called */
  uint64_t input_taken; /* bytes that OpenSSL took of what was read ahead */
  struct connection *connections;
  struct http2_session *sessions; /* HTTP/2 connections */
  struct transfer *requesting; /* libcurl is about to send its request */
  bool sees_requests; /* of every transfer, as above */
  bool sessions_changed; /* http2_settle() has something to do */
  struct transfer **slots;
  uint32_t slot_count;
  uint32_t free_from; /* no free slot before this one */
  struct transfer *first;
  struct transfer *last;
  struct transfer *news; /* those with something to tell before their end */
  struct cshim_result *results;
  size_t result_count;
  atomic_uint_fast64_t counters[CSHIM_COUNTERS];
};

/* loop.c */
void loop_count(struct cshim_loop *loop, enum cshim_counter which,
                uint64_t by);
void loop_remove(struct cshim_loop *loop, struct transfer *transfer);
void loop_finish(struct cshim_loop *loop, struct transfer *transfer,
                 CURLcode code);

/* results.c: what a run tells its caller */
void results_forget(struct cshim_loop *loop);
void results_add(struct transfer *transfer, CURLcode code);
void results_gather(struct cshim_loop *loop);
void results_gather_news(struct cshim_loop *loop);
void results_tell(struct transfer *transfer);
void results_forget_news(struct transfer *transfer);
struct transfer *results_use(struct cshim_loop *loop, uint32_t slot);

/* watch.c: sockets, epoll and the timer, as libcurl asks for them */
int watch_install(struct cshim_loop *loop);
void watch_apply(struct cshim_loop *loop);
void watch_closed(struct cshim_loop *loop, curl_socket_t socket);
void watch_forget_all(struct cshim_loop *loop);
void watch_output(struct cshim_loop *loop, curl_socket_t socket, bool waits);
int64_t watch_now_ms(void);

/* connection.c: which connections there are, and how they end */
bool connection_tie(struct transfer *transfer);
long connection_port(const struct connection *connection);
long connection_sent(const struct transfer *transfer);
void connection_untie(CURL *easy);

/* nghttp2.c: who calls libcurl for a loop says so */
struct cshim_loop *http2_enter(struct cshim_loop *loop);
void http2_leave(struct cshim_loop *before);

/* http2.c: requests on HTTP/2 connections */
bool http2_tie(struct transfer *transfer);
void http2_untie(CURL *easy);
void http2_begin(struct transfer *transfer);
void http2_settle(struct cshim_loop *loop);
CURLcode http2_judge(struct transfer *transfer, CURLcode code);
bool http2_again(struct transfer *transfer, CURLcode code);
void http2_leave_stream(struct transfer *transfer);
void http2_left_stream(struct transfer *transfer);

/* rest.c: connections that no request is on */
void rest_look(struct cshim_loop *loop, uint32_t origin);
void rest_know_protocol(struct transfer *transfer, int port);
void rest_know_tls(struct cshim_loop *loop, curl_socket_t socket, void *ssl);

/* tls.c: what OpenSSL tells about a connection */
bool tls_tie(struct transfer *transfer);
void tls_untie(CURL *easy);
const void *tls_session(const struct transfer *transfer);
bool tls_is_http2(const struct transfer *transfer);

/* bio.c: between OpenSSL and the socket of a connection that pipelines */
void *bio_install(struct cshim_loop *loop, void *ssl);
bool bio_blocked(const struct cshim_loop *loop, curl_socket_t socket);
void bio_writable(struct cshim_loop *loop, curl_socket_t socket);
curl_socket_t bio_first_input(struct cshim_loop *loop);
curl_socket_t bio_next_input(struct cshim_loop *loop);
void bio_settle(struct cshim_loop *loop);

/* transfer.c: an attached easy handle */
struct transfer *transfer_new(struct cshim_loop *loop, CURL *easy,
                              uint32_t slot);
void transfer_free(struct transfer *transfer);
void transfer_pause(struct transfer *transfer);
void transfer_result(struct transfer *transfer, int code,
                     struct cshim_result *result);
void transfer_taken(struct transfer *transfer);
void transfer_rest(struct transfer *transfer);

/* request.c: sets an easy handle up for a request */
CURLcode request_prepare(struct transfer *transfer,
                         const struct cshim_request *request,
                         const char *text);

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
void upload_rewind(struct transfer *transfer);
bool upload_is_whole(const struct transfer *transfer);
int upload_feed(struct transfer *transfer, const char *data, size_t length,
                bool last);

/* buffer.c */
bool buffer_append(struct buffer *buffer, const char *data, size_t length);
void buffer_free(struct buffer *buffer);

#endif
