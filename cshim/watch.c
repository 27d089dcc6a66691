/*
 * watch.c: which sockets libcurl wants watched, and for what. Holds the
 * callbacks of CURLMOPT_SOCKETFUNCTION and CURLMOPT_TIMERFUNCTION.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "internal.h"

int64_t watch_now_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void mark_changed(struct cshim_loop *loop, struct watch *watch)
{
  if(watch->changed)
    return;
  watch->changed = true;
  watch->next_changed = loop->changed;
  loop->changed = watch;
}

static void unmark_changed(struct cshim_loop *loop, struct watch *watch)
{
  struct watch **link = &loop->changed;
  if(!watch->changed)
    return;
  while(*link != watch)
    link = &(*link)->next_changed;
  *link = watch->next_changed;
  watch->changed = false;
}

static struct watch *watch_new(struct cshim_loop *loop, curl_socket_t socket)
{
  struct watch *watch = calloc(1, sizeof(*watch));
  if(!watch)
    return NULL;
  watch->socket = socket;
  watch->output = bio_blocked(loop, socket);
  watch->next = loop->watches;
  if(watch->next)
    watch->next->previous = watch;
  loop->watches = watch;
  return watch;
}

/* libcurl closes the socket right after it lost interest, and the next one
   may get the same number: epoll has to forget it now. */
static void watch_free(struct cshim_loop *loop, struct watch *watch)
{
  unmark_changed(loop, watch);
  if(watch->applied)
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->socket, NULL);
  if(watch->next)
    watch->next->previous = watch->previous;
  if(watch->previous)
    watch->previous->next = watch->next;
  else
    loop->watches = watch->next;
  free(watch);
}

void watch_forget_all(struct cshim_loop *loop)
{
  while(loop->watches)
    watch_free(loop, loop->watches);
}

/* CURLMOPT_SOCKETFUNCTION */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *userp,
                     void *socketp)
{
  struct cshim_loop *loop = userp;
  struct watch *watch = socketp;
  (void)easy;

  if(what == CURL_POLL_REMOVE) {
    if(watch)
      watch_free(loop, watch);
    return 0;
  }
  if(!watch) {
    watch = watch_new(loop, socket);
    if(!watch) {
      loop->failure = -ENOMEM;
      return 0;
    }
    curl_multi_assign(loop->multi, socket, watch);
  }
  watch->wanted = (what & CURL_POLL_IN ? EPOLLIN : 0) |
                  (what & CURL_POLL_OUT ? EPOLLOUT : 0);
  mark_changed(loop, watch);
  return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int on_timer(CURLM *multi, long timeout_ms, void *userp)
{
  struct cshim_loop *loop = userp;
  (void)multi;
  loop->timer_set = timeout_ms >= 0;
  if(timeout_ms > 0)
    /* our clock may have just turned over: one more, so as not to be early */
    loop->timer_at = watch_now_ms() + timeout_ms + 1;
  else
    loop->timer_at = 0; /* due at once: save the look at the clock */
  return 0;
}

int watch_install(struct cshim_loop *loop)
{
  CURLM *multi = loop->multi;
  loop->timer_set = false;
  if(curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) ||
     curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, loop) ||
     curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) ||
     curl_multi_setopt(multi, CURLMOPT_TIMERDATA, loop))
    return CSHIM_MULTI_FAILED;
  return 0;
}

/* Bytes of ours wait until the socket takes more, or do so no longer. */
void watch_output(struct cshim_loop *loop, curl_socket_t socket, bool waits)
{
  struct watch *watch = loop->watches;
  while(watch && watch->socket != socket)
    watch = watch->next;
  if(watch) {
    watch->output = waits;
    mark_changed(loop, watch);
  }
}

/* Tells epoll what changed since the last wait. */
void watch_apply(struct cshim_loop *loop)
{
  while(loop->changed) {
    struct watch *watch = loop->changed;
    uint32_t wanted = watch->wanted | (watch->output ? EPOLLOUT : 0);
    struct epoll_event event = { .events = wanted,
                                 .data.fd = watch->socket };
    int operation = !watch->applied ? EPOLL_CTL_ADD :
                    !wanted ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    loop->changed = watch->next_changed;
    watch->changed = false;
    if(wanted == watch->applied)
      continue;
    if(!epoll_ctl(loop->epoll, operation, watch->socket, &event))
      watch->applied = wanted;
    else if(errno == EBADF)
      loop->lost_socket = true; /* libcurl waits for one that it closed */
    else
      loop->failure = -errno;
  }
}

/* Closing takes a socket out of epoll; a watch that libcurl has not given up
   yet must not touch the next socket of this number. */
void watch_closed(struct cshim_loop *loop, curl_socket_t socket)
{
  struct watch *watch;
  for(watch = loop->watches; watch; watch = watch->next) {
    if(watch->socket == socket) {
      unmark_changed(loop, watch);
      watch->applied = 0;
    }
  }
}

uint64_t cshim_loop_movement(const struct cshim_loop *loop)
{
  const struct watch *watch;
  uint64_t sum = cshim_loop_count(loop, CSHIM_SOCKETS_OPENED) +
                 cshim_loop_count(loop, CSHIM_SOCKETS_CLOSED);
  for(watch = loop->watches; watch; watch = watch->next) {
    struct tcp_info info = { 0 };
    socklen_t length = sizeof(info);
    /* a socket that is not TCP leaves the struct empty */
    if(!getsockopt(watch->socket, IPPROTO_TCP, TCP_INFO, &info, &length))
      sum += info.tcpi_bytes_acked + info.tcpi_bytes_received;
  }
  return sum;
}
