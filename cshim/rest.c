/*
 * rest.c: connections at rest, which no request is on. What has arrived on one
 * is nobody's response, least of all that to a request that is yet to be made
 * [RFC 9112 section 6.3]. libcurl looks at the socket alone, if at all: what
 * OpenSSL holds, and what our own BIO has read, it does not see.
 */
#include <errno.h>
#include <sys/socket.h>
#include "internal.h"
#include "openssl.h"

/* From OpenSSL's headers, the same in every release since 1.1.1. */
#define SSL_ERROR_WANT_READ 2
#define SSL_ERROR_WANT_WRITE 3

/* Over TLS messages may arrive that are for TLS alone: OpenSSL deals with
   them, where it can be asked to. Those of HTTP/2 name the request that they
   are about, if any: they are libcurl's. */
static bool is_quiet(const struct connection *connection)
{
  const struct openssl *openssl = openssl_loaded();
  char octet;
  int error;
  int result;
  if(connection->http2)
    return true;
  if(!connection->ssl && connection->session &&
     openssl->has_pending(connection->session))
    return false;
  if(!connection->ssl)
    return recv(connection->socket, &octet, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
  openssl->clear_errors();
  result = openssl->peek(connection->ssl, &octet, 1);
  error = openssl->error_of(connection->ssl, result);
  openssl->clear_errors();
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* Ends a connection so that libcurl finds it dead when it wants to use it. It
   may take a socket with bytes in it for alive, closed or not. */
static void end(const struct connection *connection)
{
  char octets[4096];
  shutdown(connection->socket, SHUT_RDWR);
  while(recv(connection->socket, octets, sizeof(octets), MSG_DONTWAIT) > 0)
    ;
}

static bool is_in_use(const struct cshim_loop *loop,
                      const struct connection *connection)
{
  const struct transfer *transfer = loop->first;
  while(transfer && transfer->origin != connection->origin)
    transfer = transfer->next;
  return transfer != NULL;
}

/* Looks at what has arrived on the connections at rest of an origin, before a
   request to it goes out. */
void rest_look(struct cshim_loop *loop, uint32_t origin)
{
  struct connection *connection = loop->connections;
  for(; connection; connection = connection->next) {
    if(connection->origin == origin && !is_in_use(loop, connection) &&
       !is_quiet(connection))
      end(connection);
  }
}

/* Ends every connection that is at rest. */
void cshim_loop_close_idle(struct cshim_loop *loop)
{
  struct connection *connection = loop->connections;
  for(; connection; connection = connection->next) {
    if(!is_in_use(loop, connection))
      end(connection);
  }
}

/* A connection has made its TLS handshake. Later releases of libcurl read the
   socket for OpenSSL, and have none here. */
void rest_know_tls(struct cshim_loop *loop, curl_socket_t socket, void *ssl)
{
  struct connection *connection = loop->connections;
  while(connection && connection->socket != socket)
    connection = connection->next;
  if(connection)
    connection->ssl = ssl;
}

/* A request goes out, from that port. */
void rest_know_protocol(struct transfer *transfer, int port)
{
  struct connection *connection = transfer->loop->connections;
  while(connection && (connection->origin != transfer->origin ||
                       connection_port(connection) != port))
    connection = connection->next;
  if(connection && !connection->session) {
    connection->session = tls_session(transfer);
    connection->http2 = tls_is_http2(transfer);
  }
}
