/*
 * 0402: the server asks for a new handshake on a connection at rest, and
 * answers the client's ClientHello at once. The next request takes the
 * connection, which is not dead.
 */
#include <poll.h>
#include <string.h>
#include "tls.h"

#define PATIENCE 3000     /* rounds of 1 ms until a request hangs */

static SSL_CTX *context;
static SSL *server;       /* on the first connection */
static char heard[4000];
static size_t heard_size;
static int answered_at_once;
static int peeks;

/* the server takes what has arrived, and answers it */
static void serve(void)
{
  static const char response[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
  int got;

  if(!server && conn_count) {
    server = SSL_new(context);
    SSL_set_fd(server, conns[0].fd);
    SSL_set_accept_state(server);
  }
  if(!server)
    return;
  got = SSL_read(server, heard + heard_size,
                 (int)(sizeof(heard) - heard_size - 1));
  if(got <= 0)
    return;
  heard_size += (size_t)got;
  heard[heard_size] = 0;
  if(!strstr(heard, "\r\n\r\n"))
    return;
  heard_size = 0;
  if(SSL_write(server, response, (int)strlen(response)) <= 0 ||
     !SSL_renegotiate(server) || SSL_do_handshake(server) != 1)
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

static struct request *fetch(const char *path)
{
  struct request *r = tls_request(path);
  int rounds;

  add(r);
  for(rounds = 0; !r->done && conn_count < 2 && rounds < PATIENCE; rounds++) {
    serve();
    if(!turn())
      poll(NULL, 0, 1);
  }
  return r;
}

int main(int argc, char **argv)
{
  struct request *r;
  int i;

  for(i = 0; i < MAX_CONNS; i++)
    conns[i].stalled = 1; /* the TLS server reads */
  begin(argc, argv);
  context = tls_server(TLS1_2_VERSION);
  r = fetch("/a");
  if(!r->done || r->result)
    unreachable("the first request was not answered");
  settle();
  answered_at_once = 1;
  r = fetch("/b");
  if(conn_count == 1 && peeks < 2)
    unreachable("there was nothing to answer");
  return verdict(r->done && !r->result && conn_count == 1, "the connection");
}
