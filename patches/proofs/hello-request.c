/*
 * 0402: the server asks for a new handshake on a connection at rest, and
 * answers the client's ClientHello at once. The next request takes the
 * connection, which is not dead.
 */
#include <string.h>
#include "tls.h"

static int answered_at_once;
static int peeks;

/* the server takes what has arrived, and answers it */
static void serve(void)
{
  static const char response[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";

  if(tls_heard() &&
     (SSL_write(tls_server, response, (int)strlen(response)) <= 0 ||
      !SSL_renegotiate(tls_server) || SSL_do_handshake(tls_server) != 1))
    unreachable("the server cannot ask for a handshake");
}

/* what libcurl calls in place of OpenSSL's */
int SSL_peek(SSL *client, void *bytes, int size)
{
  size_t got = 0;
  int ok = SSL_peek_ex(client, bytes, (size_t)size, &got);

  if(answered_at_once) {
    peeks++;
    serve();
  }
  return ok ? (int)got : -1;
}

int main(int argc, char **argv)
{
  struct request *r;

  tls_begin(argc, argv, TLS1_2_VERSION);
  r = tls_fetch("/a", serve);
  if(!r->done || r->result)
    unreachable("the first request was not answered");
  settle();
  answered_at_once = 1;
  r = tls_fetch("/b", serve);
  if(conn_count == 1 && peeks < 2)
    unreachable("there was nothing to answer");
  return verdict(r->done && !r->result && conn_count == 1, "the connection");
}
