/*
 * system_linux.c: how Linux waits for sockets, and what it knows about them.
 * See system.h.
 */
#define _GNU_SOURCE
#include "system.h"

#ifdef SYSTEM_LINUX
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#ifdef __GLIBC__ /* glibc's own header has struct tcp_info as it was in 2013 */
#include <linux/tcp.h>
#else
#include <netinet/tcp.h>
#endif
#include "internal.h"

/* Values of tcpi_state that Linux's headers for user space do not name. */
#define STATE_CLOSE 7
#define STATE_CLOSE_WAIT 8
#define STATE_LAST_ACK 9

/* Sockets reported by one wait; the next wait reports the others. */
#define EVENTS 64

struct poller {
  int epoll;
  int event; /* eventfd that ends a sleep */
};

struct poller *poller_new(void)
{
  /* Edge-triggered, so the eventfd is never read: each write to it is an edge.
     All other events have a connection. */
  struct epoll_event wake = { .events = EPOLLIN | EPOLLET };
  struct poller *poller = calloc(1, sizeof(*poller));
  int failure;
  if(!poller)
    return NULL;
  poller->epoll = epoll_create1(EPOLL_CLOEXEC);
  poller->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if(poller->epoll != -1 && poller->event != -1 &&
     !epoll_ctl(poller->epoll, EPOLL_CTL_ADD, poller->event, &wake))
    return poller;
  failure = errno;
  poller_free(poller);
  errno = failure;
  return NULL;
}

void poller_free(struct poller *poller)
{
  if(!poller)
    return;
  if(poller->event != -1)
    close(poller->event);
  if(poller->epoll != -1)
    close(poller->epoll);
  free(poller);
}

bool poller_reserve(struct poller *poller, uint32_t connections)
{
  (void)poller;
  (void)connections;
  return true; /* the kernel has it */
}

int poller_watch(struct poller *poller, struct connection *connection,
                 uint32_t events)
{
  struct epoll_event event = {
    .events = (events & READY_IN ? EPOLLIN : 0) |
              (events & READY_OUT ? EPOLLOUT : 0) |
              (events & READY_END ? EPOLLRDHUP : 0),
    .data.ptr = connection
  };
  int operation = !connection->applied ? EPOLL_CTL_ADD :
                  !events ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  return epoll_ctl(poller->epoll, operation, connection->socket, &event) ?
         errno : 0;
}

int poller_wait(struct poller *poller, struct ready *ready, int room,
                int wait_ms)
{
  struct epoll_event events[EVENTS];
  int told = 0;
  int count = epoll_wait(poller->epoll, events, room < EVENTS ? room : EVENTS,
                         wait_ms);
  int i;
  if(count < 0)
    return errno == EINTR ? 0 : -errno;
  for(i = 0; i < count; i++) {
    uint32_t all = events[i].events;
    if(!events[i].data.ptr)
      continue;
    ready[told].connection = events[i].data.ptr;
    ready[told++].events = (all & EPOLLIN ? READY_IN : 0) |
                           (all & EPOLLOUT ? READY_OUT : 0) |
                           (all & ~(uint32_t)(EPOLLIN | EPOLLOUT) ?
                            READY_END : 0);
  }
  return told;
}

void poller_wake(struct poller *poller)
{
  uint64_t one = 1;
  /* it cannot block, and fails only if the counter is full; then the loop has
     already been woken */
  ssize_t written = write(poller->event, &one, sizeof(one));
  (void)written;
}

enum cshim_counter system_end_of(int socket)
{
  struct tcp_info info = { 0 };
  socklen_t length = sizeof(info);
  char octet;

  if(getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length))
    return recv(socket, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0 ?
           CSHIM_CLOSED_BY_SERVER : CSHIM_CLOSED_BY_CLIENT; /* not TCP */
  switch(info.tcpi_state) {
  case STATE_CLOSE_WAIT:
  case STATE_LAST_ACK:
    return CSHIM_CLOSED_BY_SERVER;
  case STATE_CLOSE:
    return CSHIM_RESET_BY_SERVER;
  default:
    return CSHIM_CLOSED_BY_CLIENT;
  }
}

/* What the system counts of a connection. Returns false for a socket that is
   not TCP, and leaves the struct empty. */
static bool read_info(const struct connection *connection,
                      struct tcp_info *info)
{
  socklen_t length = sizeof(*info);
  return connection->socket != CURL_SOCKET_BAD &&
         !getsockopt(connection->socket, IPPROTO_TCP, TCP_INFO, info, &length);
}

uint64_t system_bytes(const struct connection *connection, bool sent)
{
  struct tcp_info info = { 0 };
  if(!read_info(connection, &info))
    return 0;
  return info.tcpi_bytes_received + (sent ? info.tcpi_bytes_acked : 0);
}

uint64_t system_written(struct connection *connection)
{
  struct tcp_info info = { 0 };
  int unacknowledged = 0;
  if(!read_info(connection, &info) ||
     ioctl(connection->socket, TIOCOUTQ, &unacknowledged))
    return 0;
  return info.tcpi_bytes_acked + (uint64_t)unacknowledged;
}

uint64_t system_movement(struct connection *connection)
{
  return system_bytes(connection, true);
}
#endif
