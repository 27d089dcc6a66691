#ifndef TLS_ENGINE_CONNECTION_H
#define TLS_ENGINE_CONNECTION_H

/*
 * The server's end of one TLS connection, without its socket: bytes go in and
 * out through memory, so that nothing here ever waits. That is what makes a
 * renegotiation possible whatever the client is doing: OpenSSL puts one off
 * while a read or a write of its own is pending, and here none ever is.
 */

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "frame.h"

struct connection;

/* What came of a command. */
struct outcome {
  enum frame_status status;
  const char *text;  /* why not, or "" */
};

/* Ends the program if there is no memory. */
struct connection *connection_new(SSL_CTX *context, uint32_t number);

/* Carries a command out. Writes what it makes for the origin, application data
   and bytes for the client, as frames, but not FRAME_DONE. */
struct outcome connection_do(struct connection *connection,
                             const struct frame *command);

/* Of enum frame_flag. */
unsigned char connection_flags(const struct connection *connection);

/* OpenSSL calls this with each secret of a connection. */
void connection_tell_secret(const SSL *ssl, const char *line);

/* NULL is fine. */
void connection_free(struct connection *connection);

#endif
