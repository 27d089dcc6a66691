/*
 * 0503: a server accepts connections, reads a request and closes them. A
 * request that shares each of them with another one is not sent again without
 * end.
 */
#include "proof.h"

#define ENOUGH 10

int main(int argc, char **argv)
{
  struct request *a, *b;

  begin(argc, argv);
  pipelining(2);
  curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 20L);
  warm();
  add(request("/long"));
  add(request("/long"));
  settle();
  /* there is no room behind these, and the server is known to pipeline */
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 2L);
  a = request("/a");
  b = request("/b");
  add(a);
  add(b);
  settle();
  if(conn_count != 2 || conns[1].requests != 2)
    unreachable("they do not share the second connection");
  while(conn_count < ENOUGH && !(a->done && b->done)) {
    struct conn *c = &conns[conn_count - 1];
    if(c->fd < 0 || !c->requests)
      unreachable("neither another try nor an end of them");
    close_conn(c);
    settle();
  }
  return verdict(a->done && a->result && b->done && b->result,
                 "an end of the tries");
}
