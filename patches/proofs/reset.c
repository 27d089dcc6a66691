/*
 * 0103: the only request on a connection that was used before is half sent
 * when the server resets it. It is sent again on another one.
 */
#include "proof.h"

int main(int argc, char **argv)
{
  struct request *r;
  struct conn *c;

  server_buffer = 4096;
  begin(argc, argv);
  pipelining(10);
  c = warm();
  r = request("/large");
  large(r, 7000000);
  c->stalled = 1;
  add(r);
  settle();
  reset(c);
  settle();
  if(conn_count == 2)
    reply(&conns[1], "large");
  until_done(r);
  return verdict(r->done && !r->result && conn_count == 2, "retry");
}
