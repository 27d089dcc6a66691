#ifndef CSHIM_SYSTEM_H
#define CSHIM_SYSTEM_H
/*
 * What differs between operating systems. system_linux.c uses epoll, an
 * eventfd and TCP_INFO. system_posix.c uses what POSIX.1-2008 has, poll(2) and
 * a pipe. CSHIM_POLL, which Go's build tag curlpipe_poll sets, selects the
 * latter on Linux, too.
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

/* macOS has a socket option instead, which cshim_loop_connect() sets. */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

/* What a socket is watched for, and what is ready. */
#define READY_IN 1u
#define READY_OUT 2u
#define READY_END 4u /* the peer has closed it, or it has failed */

/* The event that shows the end while nobody reads. On POSIX, an end only makes
   the socket readable. */
#ifdef SYSTEM_LINUX
#define READY_AT_REST READY_END
#else
#define READY_AT_REST (READY_END | READY_IN)
#endif

struct connection;
struct poller; /* the sockets that a loop watches, and what wakes it */

struct ready {
  struct connection *connection;
  uint32_t events; /* READY_* */
};

/* Returns NULL, with errno set, if memory or descriptors run out. The caller
   must keep other threads from forking meanwhile. */
struct poller *poller_new(void);
void poller_free(struct poller *poller);

/* Makes room for this many connections, so that watching them cannot fail for
   want of memory. Returns false if there is none. */
bool poller_reserve(struct poller *poller, uint32_t connections);

/* Changes the events for which the socket of a connection is watched; without
   events, stops watching it. Returns 0 or an errno. */
int poller_watch(struct poller *poller, struct connection *connection,
                 uint32_t events);

/* Waits for at most wait_ms milliseconds (-1: no limit). Returns how many are
   ready, or a negative errno. */
int poller_wait(struct poller *poller, struct ready *ready, int room,
                int wait_ms);

/* Ends the current sleep, or the next. Any thread may call it. */
void poller_wake(struct poller *poller);

/* Who ended a connection, as far as its socket shows: one of the counters that
   CSHIM_SOCKETS_CLOSED sums up. */
enum cshim_counter system_end_of(int socket);

/* Bytes received on the connection and, with `sent`, those sent that the peer
   has acknowledged; 0 if the system does not count them. */
uint64_t system_bytes(const struct connection *connection, bool sent);

/* A number that changes when libcurl writes on the connection, and goes on
   changing for some calls if the system does not count what is written. */
uint64_t system_written(struct connection *connection);

/* A number that changes whenever the peer has sent or acknowledged bytes, and
   only then. */
uint64_t system_movement(struct connection *connection);

#endif
