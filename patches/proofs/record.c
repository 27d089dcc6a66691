/*
 * 0403: a second response is in the TLS record in which the first one ends,
 * so that it stays in OpenSSL, and the socket is silent. The next request
 * gets a connection of its own, and not that response.
 */
#include <string.h>
#include "tls.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"

/* answers the first request: a record for the beginning of the response, and
   one for the rest */
static void serve(void)
{
  static const char *const records[] = { OK "fi", "rst" OK "wrong" };
  const char *request = tls_heard();
  size_t i;

  if(!request || strstr(request, "/second"))
    return;
  for(i = 0; i < 2; i++)
    if(SSL_write(tls_server, records[i], (int)strlen(records[i])) <= 0)
      unreachable("the server cannot write");
}

int main(int argc, char **argv)
{
  struct request *r;

  tls_begin(argc, argv, TLS1_3_VERSION);
  r = tls_fetch("/first", serve);
  if(!r->done || r->result || r->size != 5)
    unreachable("the first request was not answered");
  settle();
  r = tls_fetch("/second", serve);
  if(!r->done && conn_count == 1)
    unreachable("the second request hangs");
  return verdict(conn_count == 2, "the connection of the next request");
}
