#ifndef INTERPOSER_TLS_H
#define INTERPOSER_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "events.h"

#pragma GCC visibility push(hidden)

struct ssl_st;

/* A call of the host that reads, writes or shakes hands. */
struct tls_call {
  const char *name;
  struct ssl_st *ssl;
  struct identity identity;
  int fd;        /* -1 if ssl does not name its socket */
  bool reported;
  bool early;    /* the write came before the first handshake was complete */
};

/* Begins a call that writes. Call tls_leave() at its end. */
struct tls_call tls_enter_write(const char *name, struct ssl_st *ssl);

/* Ends the call and reports it. buf has what it was to write, or is NULL. */
void tls_leave(const struct tls_call *call, int ret, const void *buf,
               const size_t *len, const size_t *moved);

/* True if this thread is inside a call on an SSL object that does not name its
   socket, and no write to a socket was seen in this call; tls_note_socket()
   reports one. */
bool tls_wants_socket(void);
void tls_note_socket(int fd);

/* True while this thread is inside a hooked TLS call: what it sends on a
   socket is then OpenSSL's, not the host's own. */
bool tls_inside_call(void);

/* True while this thread is inside a hooked call that reads. */
bool tls_inside_read(void);

/* True once, if the host's own call is a write that must be blocked. */
bool tls_takes_blocked_write(void);

#pragma GCC visibility pop

#endif
