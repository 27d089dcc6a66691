/*
 * system_posix.c: how other systems than Linux wait for sockets, and what is
 * known about the sockets there. See system.h. All of it also runs on Linux.
 * Where a system offers more than POSIX requires, one preprocessor condition
 * uses it.
 */
#include "system.h"

#ifdef SYSTEM_POSIX
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "internal.h"

#ifndef POLLRDHUP /* FreeBSD has it */
#define POLLRDHUP 0
#endif

#define WAKER 0 /* index of the pipe in a poller's entries */

struct poller {
  int wake[2]; /* the pipe's ends for reading and for writing */
  struct pollfd *sockets; /* a connection's entry is at its number + 1 */
  struct connection **connections; /* the same places */
  nfds_t room; /* of both */
  nfds_t used; /* entries up to the last one in use */
  nfds_t from; /* checked first, so that no connection is always the last */
};

static bool set_flags(int descriptor)
{
  int flags = fcntl(descriptor, F_GETFL);
  return flags != -1 && !fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) &&
         !fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

struct poller *poller_new(void)
{
  struct poller *poller = calloc(1, sizeof(*poller));
  int failure;
  if(!poller)
    return NULL;
  poller->wake[0] = poller->wake[1] = -1;
  if(poller_reserve(poller, 0) && !pipe(poller->wake) &&
     set_flags(poller->wake[0]) && set_flags(poller->wake[1])) {
    poller->sockets[WAKER].fd = poller->wake[0];
    poller->sockets[WAKER].events = POLLIN;
    poller->used = WAKER + 1;
    return poller;
  }
  failure = errno;
  poller_free(poller);
  errno = failure;
  return NULL;
}

void poller_free(struct poller *poller)
{
  if(!poller)
    return;
  if(poller->wake[0] != -1)
    close(poller->wake[0]);
  if(poller->wake[1] != -1)
    close(poller->wake[1]);
  free(poller->sockets);
  free(poller->connections);
  free(poller);
}

bool poller_reserve(struct poller *poller, uint32_t connections)
{
  nfds_t room = (nfds_t)connections + WAKER + 1;
  struct pollfd *sockets;
  struct connection **places;
  if(room <= poller->room)
    return true;
  sockets = realloc(poller->sockets, room * sizeof(*sockets));
  if(!sockets)
    return false;
  poller->sockets = sockets;
  places = realloc(poller->connections, room * sizeof(*places));
  if(!places)
    return false;
  poller->connections = places;
  for(; poller->room < room; poller->room++) {
    sockets[poller->room].fd = -1;
    places[poller->room] = NULL;
  }
  return true;
}

int poller_watch(struct poller *poller, struct connection *connection,
                 uint32_t events)
{
  nfds_t place = (nfds_t)connection->number + WAKER + 1;
  struct pollfd *socket = &poller->sockets[place];
  socket->fd = events ? connection->socket : -1;
  socket->events = (short)((events & READY_IN ? POLLIN : 0) |
                           (events & READY_OUT ? POLLOUT : 0) |
                           (events & READY_END ? POLLRDHUP : 0));
  socket->revents = 0;
  poller->connections[place] = connection;
  if(place >= poller->used)
    poller->used = place + 1;
  while(poller->sockets[poller->used - 1].fd == -1)
    poller->used--; /* not below the waker's */
  return 0;
}

static void hear(struct poller *poller)
{
  char octets[64];
  if(poller->sockets[WAKER].revents) {
    while(read(poller->wake[0], octets, sizeof(octets)) ==
          (ssize_t)sizeof(octets))
      ;
  }
}

static uint32_t ready_of(short revents)
{
  return (revents & POLLIN ? READY_IN : 0) |
         (revents & POLLOUT ? READY_OUT : 0) |
         (revents & ~(POLLIN | POLLOUT) ? READY_END : 0);
}

int poller_wait(struct poller *poller, struct ready *ready, int room,
                int wait_ms)
{
  nfds_t others = poller->used - 1;
  nfds_t looked;
  int told = 0;
  if(poll(poller->sockets, poller->used, wait_ms) < 0)
    return errno == EINTR || errno == EAGAIN ? 0 : -errno;
  hear(poller);
  for(looked = 0; looked < others && told < room; looked++) {
    nfds_t place = (poller->from + looked) % others + WAKER + 1;
    short revents = poller->sockets[place].revents;
    if(poller->sockets[place].fd == -1 || !revents)
      continue;
    ready[told].connection = poller->connections[place];
    ready[told++].events = ready_of(revents);
  }
  if(others)
    poller->from = (poller->from + looked) % others;
  return told;
}

void poller_wake(struct poller *poller)
{
  /* it cannot block, and fails only if the pipe is full; then the loop has
     already been woken */
  ssize_t written = write(poller->wake[1], "", 1);
  (void)written;
}

static bool is_tcp(int socket)
{
  struct sockaddr_storage address = { 0 };
  socklen_t length = sizeof(address);
  return !getsockname(socket, (struct sockaddr *)&address, &length) &&
         (address.ss_family == AF_INET || address.ss_family == AF_INET6);
}

/* A TCP socket that was reset has no peer any more. Unread bytes hide that the
   server has closed, if poll() does not report it. */
enum cshim_counter system_end_of(int socket)
{
  struct pollfd look = { .fd = socket, .events = POLLIN | POLLRDHUP };
  struct sockaddr_storage address;
  socklen_t length = sizeof(address);
  char octet;

  if(is_tcp(socket) &&
     getpeername(socket, (struct sockaddr *)&address, &length))
    return CSHIM_RESET_BY_SERVER;
  if(poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP)))
    return CSHIM_CLOSED_BY_SERVER;
  return recv(socket, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0 ?
         CSHIM_CLOSED_BY_SERVER : CSHIM_CLOSED_BY_CLIENT;
}

uint64_t system_bytes(const struct connection *connection, bool sent)
{
  (void)connection;
  (void)sent;
  return 0;
}

/* Bytes that were sent and not yet acknowledged. 0 if the system does not
   tell; then everything sent counts as acknowledged. */
static int unacknowledged(int socket)
{
  int bytes = 0;
#if defined(SO_NWRITE) /* macOS */
  socklen_t length = sizeof(bytes);
  if(getsockopt(socket, SOL_SOCKET, SO_NWRITE, &bytes, &length))
    return 0;
#elif defined(FIONWRITE) /* the BSDs */
  if(ioctl(socket, FIONWRITE, &bytes))
    return 0;
#elif defined(TIOCOUTQ) /* Linux */
  if(ioctl(socket, TIOCOUTQ, &bytes))
    return 0;
#else
  (void)socket;
#endif
  return bytes;
}

/* Bytes that libcurl has sent of the requests on a connection. */
static uint64_t sent(const struct connection *connection)
{
  const struct transfer *transfer = connection->first;
  uint64_t bytes = 0;
  for(; transfer; transfer = transfer->next)
    bytes += (uint64_t)transfer_sent(transfer) +
             (uint64_t)transfer->upload_taken;
  return bytes;
}

/* Calls after which libcurl has surely written what it had buffered. */
#define FRUITLESS 32

/* libcurl writes after it has taken more of a request, or what it has buffered
   before. */
uint64_t system_written(struct connection *connection)
{
  uint64_t now = sent(connection);
  if(now != connection->taken_before)
    connection->fruitless = 0;
  else if(connection->fruitless < FRUITLESS)
    connection->fruitless++;
  connection->taken_before = now;
  return now + connection->fruitless;
}

/* The loop counts arriving bytes when the socket is readable. Sent bytes have
   been acknowledged if fewer are outstanding than before, or if more were sent
   and no more are outstanding. */
uint64_t system_movement(struct connection *connection)
{
  uint64_t now;
  int left;
  if(connection->socket == CURL_SOCKET_BAD)
    return 0;
  now = sent(connection);
  left = unacknowledged(connection->socket);
  if(left < connection->unacknowledged ||
     (left == connection->unacknowledged && now > connection->sent))
    connection->moves++;
  connection->unacknowledged = left;
  connection->sent = now;
  return connection->moves;
}
#endif
