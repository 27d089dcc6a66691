/*
 * 0109: the server answers when it has seen the beginning of a request, and
 * reads no more of it.
 */
#include <string.h>
#include <sys/socket.h>
#include "proof.h"

int main(int argc, char **argv)
{
  static const char text[] = "HTTP/1.1 431 Too Large\r\n"
    "Content-Length: 5\r\nConnection: close\r\n\r\nlarge";
  struct request *r;
  struct conn *c;

  server_buffer = 4096;
  begin(argc, argv);
  pipelining(10);
  c = warm();
  r = request("/large");
  large(r, 7000000);
  c->limit = c->size + 5000;
  add(r);
  settle();
  send(c->fd, text, strlen(text), MSG_NOSIGNAL);
  until_done(r);
  return verdict(r->done && !r->result && r->status == 431, "the response");
}
