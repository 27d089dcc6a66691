#ifndef CSHIM_SYSTEM_H
#define CSHIM_SYSTEM_H
/*
 * What differs between operating systems, and which file has it for this one:
 * system_linux.c with epoll, an eventfd and TCP_INFO, or system_posix.c with
 * what POSIX.1-2008 has, poll(2) and a pipe. CSHIM_POLL, which Go's build tag
 * curlpipe_poll sets, has Linux take the latter, too.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "cshim.h"

#if defined(__linux__) && !defined(CSHIM_POLL)
#define SYSTEM_LINUX
#else
#define SYSTEM_POSIX
#endif

/* macOS has a socket option in its place, which cshim_loop_connect() sets. */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

/* What a socket is watched for, and what is ready. */
#define READY_IN 1u
#define READY_OUT 2u
#define READY_END 4u /* the other side has closed it, or it has failed */

/* What tells of the end while nobody reads. POSIX says of an end no more than
   that there is something to read. */
#ifdef SYSTEM_LINUX
#define READY_AT_REST READY_END
#else
#define READY_AT_REST (READY_END | READY_IN)
#endif

struct connection;
struct poller; /* the sockets that a loop watches, and what ends its sleep */

struct ready {
  struct connection *connection;
  uint32_t events; /* READY_* */
};

/* NULL, with errno set, when something ran out. Whoever calls sees to it that
   no other thread forks meanwhile. */
struct poller *poller_new(void);
void poller_free(struct poller *poller);

/* Makes room for so many connections, so that watching them cannot fail for
   want of memory. False: there is none. */
bool poller_reserve(struct poller *poller, uint32_t connections);

/* Watches the socket of a connection for other events than those that it was
   applied for; for none: forgets it. Returns 0, or an errno. */
int poller_watch(struct poller *poller, struct connection *connection,
                 uint32_t events);

/* Waits for at most so many milliseconds, -1: for as long as it takes. Returns
   how many are ready, or a negative errno. */
int poller_wait(struct poller *poller, struct ready *ready, int room,
                int wait_ms);

/* Ends the sleep that is, or the next. Any thread. */
void poller_wake(struct poller *poller);

/* Who ended a connection, as far as its socket tells: a counter of those that
   CSHIM_SOCKETS_CLOSED sums up. */
enum cshim_counter system_end_of(int socket);

/* Bytes that have come off the wire; 0 when the system does not count them. */
uint64_t system_received(const struct connection *connection);

/* Changes whenever the other side has sent or acknowledged bytes, and at no
   other time. */
uint64_t system_movement(struct connection *connection);

#endif
