#ifndef CSHIM_INTERNAL_H
#define CSHIM_INTERNAL_H
/*
 * What loop.c, watch.c and transfer.c know of each other. Callers see
 * cshim.h only.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <curl/curl.h>
#include "cshim.h"

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
  uint32_t applied; /* epoll events; 0 when epoll does not have the socket */
  bool changed; /* in the loop's list of changed watches */
  struct watch *next_changed;
  struct watch *next;
  struct watch *previous;
};

enum transfer_state {
  TRANSFER_IDLE,
  TRANSFER_ACTIVE, /* in the multi handle */
  TRANSFER_FINISHED /* its result is in the loop's results */
};

/* One attached easy handle and the request it carries. */
struct transfer {
  struct cshim_loop *loop;
  CURL *easy;
  uint32_t slot;
  enum transfer_state state;
  bool dropping; /* read the rest of the response, keep nothing */
  uint32_t result_flags;
  bool header_complete; /* the empty line after the header section came */
  size_t header_length;
  size_t dropped;
  struct buffer response;
  struct buffer trailer;
  struct buffer text; /* URL and header lines of the request */
  struct curl_slist *lines; /* one node a header line, data in text */
  size_t lines_capacity;
  struct transfer *next; /* active transfers, in order of submission */
  struct transfer *previous;
  char detail[CURL_ERROR_SIZE];
};

struct cshim_loop {
  struct cshim_limits limits;
  CURLM *multi;
  int epoll;
  int event; /* eventfd that ends a sleep */
  atomic_int sleep_state; /* SLEEP_* in loop.c */
  bool timer_set;
  int64_t timer_at; /* milliseconds, CLOCK_MONOTONIC */
  bool lost_socket; /* one was closed since libcurl last ran every handle */
  int failure; /* first failure inside a callback: negative errno */
  struct watch *watches;
  struct watch *changed;
  struct transfer **slots;
  uint32_t slot_count;
  uint32_t free_from; /* no free slot before this one */
  struct transfer *first;
  struct transfer *last;
  struct cshim_result *results;
  size_t result_count;
  atomic_uint_fast64_t counters[CSHIM_COUNTERS];
};

/* watch.c: sockets, epoll and the timer, as libcurl asks for them */
int watch_install(struct cshim_loop *loop);
void watch_apply(struct cshim_loop *loop);
void watch_forget_all(struct cshim_loop *loop);
curl_socket_t watch_open_socket(void *userp, curlsocktype purpose,
                                struct curl_sockaddr *address);
int watch_close_socket(void *userp, curl_socket_t socket);
int64_t watch_now_ms(void);

/* transfer.c: one request and its response */
struct transfer *transfer_new(struct cshim_loop *loop, CURL *easy,
                              uint32_t slot);
void transfer_free(struct transfer *transfer);
CURLcode transfer_prepare(struct transfer *transfer,
                          const struct cshim_request *request,
                          const char *text);
void transfer_drop(struct transfer *transfer);
void transfer_result(struct transfer *transfer, CURLcode code,
                     struct cshim_result *result);
void transfer_rest(struct transfer *transfer);

#endif
