/*
 * 0403: a second response is in the TLS record in which the first one ends,
 * so that it stays in OpenSSL, and the socket is silent. The next request
 * gets a connection of its own, and not that response.
 */
#include <poll.h>
#include <string.h>
#include "tls.h"

#define PATIENCE 3000     /* rounds of 1 ms until a request hangs */
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"

static SSL_CTX *context;
static SSL *server;       /* on the first connection */
static char heard[4000];
static size_t heard_size;

/* a record for the beginning of the response, and one for the rest */
static void answer_in_records(void)
{
  static const char *const records[] = { OK "fi", "rst" OK "wrong" };
  size_t i;

  for(i = 0; i < 2; i++)
    if(SSL_write(server, records[i], (int)strlen(records[i])) <= 0)
      unreachable("the server cannot write");
}

/* the server takes what has arrived, and answers the first request */
static void serve(void)
{
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
  if(strstr(heard, "\r\n\r\n") && !strstr(heard, "/second")) {
    heard_size = 0;
    answer_in_records();
  }
}

/* turns until it is done, or there is another connection */
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
  context = tls_server(TLS1_3_VERSION);
  r = fetch("/first");
  if(!r->done || r->result || r->size != 5)
    unreachable("the first request was not answered");
  settle();
  r = fetch("/second");
  if(!r->done && conn_count == 1)
    unreachable("the second request hangs");
  return verdict(conn_count == 2, "the connection of the next request");
}
