#ifndef INTERPOSER_TLS_H
#define INTERPOSER_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "events.h"

#pragma GCC visibility push(hidden)

struct ssl_st;

/* A call of the host's that reads, writes or shakes hands. */
struct tls_call {
  const char *name;
  struct ssl_st *ssl;
  struct identity identity;
  int fd;        /* -1 when ssl does not name its socket */
  bool reported;
  bool early;    /* it is written into the handshake */
};

/* Begins a call that writes; it has to be ended with tls_leave(). */
struct tls_call tls_enter_write(const char *name, struct ssl_st *ssl);

/* Ends the call and reports it. buf is what it was to write, or NULL. */
void tls_leave(const struct tls_call *call, int ret, const void *buf,
               const size_t *len, const size_t *moved);

/* True when this thread is inside a call on an SSL object that does not name its
   socket, and that was not seen writing to one in this call;
   tls_note_socket() says which it is. */
bool tls_wants_socket(void);
void tls_note_socket(int fd);

/* True while this thread is inside a TLS call that is hooked: what it sends
   on a socket then is OpenSSL's, not the host's own. */
bool tls_inside_call(void);

/* True while this thread is inside a hooked call that reads. */
bool tls_inside_read(void);

/* True once, if the host's own call is a write that is to be blocked. */
bool tls_takes_blocked_write(void);

#pragma GCC visibility pop

#endif
