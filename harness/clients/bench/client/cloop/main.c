/*
 * The bench's lower bound for libcurl: one multi handle,
 * curl_multi_socket_action() and epoll, reused easy handles, no signals, no
 * proxy lookup.
 */

#include "client.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define EVENTS_AT_ONCE 16
#define NO_TIMER (-1.0)
#define MAX_CONCURRENT_STREAMS (CURLMoption)16 /* of libcurl 7.67.0 */

struct transfer {
  CURL *easy;
  size_t received; /* bytes of the body so far, all of them correct */
  double began;
};

struct loop {
  struct arguments arguments;
  CURLM *multi;
  int epoll_fd;
  double timer; /* when libcurl wants to be called; NO_TIMER if never */
  struct transfer **idle;
  int idle_count;
};

static struct loop the_loop;

/* CURLOPT_WRITEFUNCTION */
static size_t on_body(char *bytes, size_t one, size_t size, void *user)
{
  struct transfer *transfer = user;

  if(!client_is_body(&the_loop.arguments, bytes, transfer->received,
                     one * size))
    return 0;
  transfer->received += one * size;
  return one * size;
}

/* CURLMOPT_SOCKETFUNCTION */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user,
                     void *unused)
{
  struct loop *loop = user;
  struct epoll_event event = { .events = 0 };
  int failed;

  (void)easy;
  (void)unused;
  event.data.fd = socket;
  if(what == CURL_POLL_REMOVE) {
    /* fails if libcurl has closed the socket, which removes it from the set */
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, socket, &event);
    return 0;
  }
  if(what & CURL_POLL_IN)
    event.events |= EPOLLIN;
  if(what & CURL_POLL_OUT)
    event.events |= EPOLLOUT;
  failed = epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, socket, &event);
  if(failed && errno == ENOENT)
    failed = epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, socket, &event);
  if(failed)
    client_fail("epoll_ctl for socket %d: %s", (int)socket, strerror(errno));
  return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
  struct loop *loop = user;

  (void)multi;
  loop->timer = timeout_ms < 0 ? NO_TIMER :
    client_now() + (double)timeout_ms / 1e3;
  return 0;
}

/* Plain TCP cannot negotiate a version. */
static long version_of(const struct arguments *arguments)
{
  if(arguments->http == 1)
    return CURL_HTTP_VERSION_1_1;
  return strncmp(arguments->url, "http:", 5) ? CURL_HTTP_VERSION_2TLS :
    CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

static void open_transfers(struct loop *loop)
{
  struct arguments *arguments = &loop->arguments;
  int i;

  loop->idle = calloc((size_t)arguments->depth, sizeof(*loop->idle));
  if(!loop->idle)
    client_fail("out of memory");
  for(i = 0; i < arguments->depth; i++) {
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    CURL *easy = curl_easy_init();
    if(!transfer || !easy)
      client_fail("out of memory");
    transfer->easy = easy;
    curl_easy_setopt(easy, CURLOPT_URL, arguments->url);
    curl_easy_setopt(easy, CURLOPT_CAINFO, arguments->ca_file);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version_of(arguments));
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    loop->idle[loop->idle_count++] = transfer;
  }
}

static void open_loop(struct loop *loop)
{
  loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  loop->multi = curl_multi_init();
  if(loop->epoll_fd < 0 || !loop->multi)
    client_fail("cannot make an epoll set and a multi handle");
  loop->timer = NO_TIMER;
  curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING,
                    loop->arguments.http == 2 ? CURLPIPE_MULTIPLEX :
                    CURLPIPE_HTTP1);
  /* refused up to 7.66.0, which have no such limit */
  curl_multi_setopt(loop->multi, MAX_CONCURRENT_STREAMS,
                    (long)loop->arguments.depth);
  curl_multi_setopt(loop->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
  curl_multi_setopt(loop->multi, CURLMOPT_MAX_PIPELINE_LENGTH,
                    (long)loop->arguments.depth);
  curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
  curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
}

static void call(struct loop *loop, curl_socket_t socket, int bits)
{
  int running;
  CURLMcode code = curl_multi_socket_action(loop->multi, socket, bits,
                                            &running);

  if(code)
    client_fail("curl_multi_socket_action: %s", curl_multi_strerror(code));
}

static void wait_and_call(struct loop *loop)
{
  struct epoll_event events[EVENTS_AT_ONCE];
  int wait_ms = -1;
  int count;
  int i;

  if(loop->timer != NO_TIMER) {
    double left = (loop->timer - client_now()) * 1e3;
    wait_ms = left <= 0 ? 0 : left > INT_MAX - 1 ? INT_MAX : (int)left + 1;
  }
  count = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, wait_ms);
  if(count < 0 && errno != EINTR)
    client_fail("epoll_wait: %s", strerror(errno));
  for(i = 0; i < count; i++)
    call(loop, events[i].data.fd,
         (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
         (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
         (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0));
  if(loop->timer != NO_TIMER && client_now() >= loop->timer) {
    loop->timer = NO_TIMER; /* it expires once; the call may set it again */
    call(loop, CURL_SOCKET_TIMEOUT, 0);
  }
}

/* Handles the transfers that have ended, checks them, and returns their
   number. */
static int collect(struct loop *loop)
{
  CURLMsg *message;
  int left;
  int count = 0;

  while((message = curl_multi_info_read(loop->multi, &left))) {
    struct transfer *transfer;
    char *private_pointer;
    long status;
    long version;
    if(message->data.result)
      client_fail("GET %s: %s", loop->arguments.url,
                  curl_easy_strerror(message->data.result));
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                      &private_pointer);
    transfer = (struct transfer *)(void *)private_pointer;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version);
    if((loop->arguments.http == 2) != (version == CURL_HTTP_VERSION_2_0))
      client_fail("answered with another version of HTTP");
    if(status != 200 || transfer->received != loop->arguments.body)
      client_fail("wrong response: status %ld and %zu bytes", status,
                  transfer->received);
    client_done(client_now() - transfer->began);
    curl_multi_remove_handle(loop->multi, transfer->easy);
    loop->idle[loop->idle_count++] = transfer;
    count++;
  }
  return count;
}

/* Keeps every handle busy until this many requests are done. */
static void phase(struct loop *loop, int requests)
{
  int begun = 0;
  int ended = 0;

  while(ended < requests) {
    for(; loop->idle_count && begun < requests; begun++) {
      struct transfer *transfer = loop->idle[--loop->idle_count];
      transfer->received = 0;
      transfer->began = client_now();
      curl_multi_add_handle(loop->multi, transfer->easy);
    }
    wait_and_call(loop);
    ended += collect(loop);
  }
}

/* Each version of HTTP needs a libcurl that can have many requests in flight
   on one connection. */
static void check_version(int http)
{
  const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);

  if(http == 2 && !(version->features & CURL_VERSION_HTTP2))
    client_cannot("this libcurl has no HTTP/2");
  if(http == 1 && version->version_num >= 0x073e00) /* 7.62.0 */
    client_cannot("this libcurl does not pipeline");
}

int main(int count, char **words)
{
  struct loop *loop = &the_loop;

  client_parse(&loop->arguments, count, words);
  check_version(loop->arguments.http);
  if(curl_global_init_mem(CURL_GLOBAL_ALL, client_malloc, free,
                          client_realloc, client_strdup, client_calloc))
    client_fail("curl_global_init_mem failed");
  open_loop(loop);
  open_transfers(loop);
  phase(loop, loop->arguments.warmup);
  client_start(&loop->arguments);
  phase(loop, loop->arguments.requests);
  client_print(curl_version());
  return 0;
}
