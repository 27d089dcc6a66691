#ifndef CSHIM_HANDSHAKE_H
#define CSHIM_HANDSHAKE_H
/*
 * What TLS told of a connection, as its caller is told it; tls.c finds out
 * when.
 */
#include "internal.h"

struct handshake {
  struct cshim_handshake told; /* its pointers are into the buffers */
  struct buffer certificates;
  struct buffer chain;
  struct buffer staple;
};

/* The server sent a record: notes the header of the first one. */
void handshake_record(struct connection *connection, const void *header,
                      size_t length);

/* The server sent an alert, by its number [RFC 8446 section 6]. */
void handshake_alert(struct connection *connection, int alert);

/* OpenSSL refuses what the server proves to be, or we do. */
void handshake_refused(struct connection *connection, void *store);

/* The handshake is made. */
void handshake_done(struct connection *connection, const void *ssl);

void handshake_free(struct handshake *handshake);

#endif
