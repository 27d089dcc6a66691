/*
 * rest.c: connections at rest, which have no request. Bytes that arrive on one
 * are not a response, and above all not one to a later request [RFC 9112
 * section 6.3]. libcurl checks the socket at most. It does not see what
 * OpenSSL or our own BIO has read.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "internal.h"
#include "openssl.h"

/* Whether the server may speak first: over TLS or HTTP/2. */
static bool begins_with_server(const struct transfer *transfer)
{
  static const char scheme[] = "https:";
  return (transfer->special & CSHIM_REQUEST_HTTP2) ||
         (transfer->text.length >= sizeof(scheme) &&
          !memcmp(transfer->text.data, scheme, sizeof(scheme) - 1));
}

/* Whether nothing has arrived on a connection at rest that this transfer is
   about to use. transfer is NULL for a connection that libcurl has already
   used. Messages of TLS itself may have arrived: OpenSSL handles them, if it
   can be asked to. HTTP/2 frames name their stream, so they are left to
   libcurl. */
bool rest_is_quiet(struct connection *connection,
                   const struct transfer *transfer)
{
  const struct openssl *openssl = openssl_loaded();
  char octet;
  if(connection->session || connection->socket == CURL_SOCKET_BAD)
    return true;
  if(!connection->taken && begins_with_server(transfer))
    return true; /* libcurl will show what it is */
  if(!connection->ssl && connection->tls &&
     openssl->has_pending(connection->tls))
    return false;
  if(!connection->ssl)
    return recv(connection->socket, &octet, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
  return tls_is_quiet(connection);
}

/* The socket of a connection at rest is readable. Returns whether the
   connection can still be used. Bytes that only libcurl can read stay in the
   socket until there is a request. */
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
