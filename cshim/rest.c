/*
 * rest.c: connections at rest, which no request is on. What has arrived on one
 * is nobody's response, least of all that to a request that is yet to be made
 * [RFC 9112 section 6.3]. libcurl looks at the socket alone, if at all: what
 * OpenSSL holds, and what our own BIO has read, it does not see.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "internal.h"
#include "openssl.h"

static bool is_over_tls(const struct transfer *transfer)
{
  static const char scheme[] = "https:";
  return transfer->text.length >= sizeof(scheme) &&
         !memcmp(transfer->text.data, scheme, sizeof(scheme) - 1);
}

/* Whether nothing has arrived on a connection at rest, on which this transfer
   is to be the next; NULL where libcurl has had the connection. Over TLS
   messages may that are for TLS alone: OpenSSL deals with them, where it can
   be asked to. Those of HTTP/2 name the request that they are about, if any:
   they are libcurl's. */
bool rest_is_quiet(struct connection *connection,
                   const struct transfer *transfer)
{
  const struct openssl *openssl = openssl_loaded();
  char octet;
  if(connection->session || connection->socket == CURL_SOCKET_BAD)
    return true;
  if(!connection->taken && is_over_tls(transfer))
    return true; /* the handshake shows what it is */
  if(!connection->ssl && connection->tls &&
     openssl->has_pending(connection->tls))
    return false;
  if(!connection->ssl)
    return recv(connection->socket, &octet, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
  return tls_is_quiet(connection);
}

/* The socket of a connection at rest is readable, and no more is known.
   Whether the connection can be of use, still. What libcurl alone can read
   stays in the socket until there is a request. */
bool rest_may_go_on(struct connection *connection)
{
  char octet;
  ssize_t got;
  if(connection->taken && !rest_is_quiet(connection, NULL))
    return false;
  got = recv(connection->socket, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
  if(got > 0) {
    connection->unheard = true;
    watch_changed(connection);
  }
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}
