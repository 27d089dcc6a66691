/*
 * 0503: the server closes each connection when a request has come. It is sent
 * once more, and not for ever.
 */
#include "proof.h"

int main(int argc, char **argv)
{
  struct request *r;
  int i;

  begin(argc, argv);
  pipelining(10);
  warm();
  r = request("/");
  add(r);
  for(i = 0; i < 10 && !r->done; i++) {
    struct conn *c;
    settle();
    c = &conns[conn_count - 1];
    if(c->fd >= 0 && arrived(c))
      close_conn(c);
  }
  return verdict(r->done && r->result && conn_count <= 3, "the retries");
}
