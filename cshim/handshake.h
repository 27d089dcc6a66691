#ifndef CSHIM_HANDSHAKE_H
#define CSHIM_HANDSHAKE_H
/*
 * What is known of a connection's TLS handshake, in the form that the caller
 * gets. tls.c finds it out.
 */
#include "internal.h"

struct handshake {
  struct cshim_handshake told; /* its pointers are into the buffers below */
  struct buffer certificates;
  struct buffer chain;
  struct buffer staple;
};

/* The server sent a record. Notes the header of the first one. */
void handshake_record(struct connection *connection, const void *header,
                      size_t length);

/* The server sent an alert, by its number [RFC 8446 section 6]. */
void handshake_alert(struct connection *connection, int alert);

/* The server's certificate is refused, by OpenSSL or by us. */
void handshake_refused(struct connection *connection, void *store);

/* The handshake is made. */
void handshake_done(struct connection *connection, const void *ssl);

void handshake_free(struct handshake *handshake);

#endif
