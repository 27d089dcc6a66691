/*
 * 0220: CURLOPT_PIPEWAIT waits for a response that tells if its connection can
 * be shared. A response of HTTP/1.0 tells nothing, and nobody waits for
 * another one behind a connection at rest.
 */
#include "proof.h"

int main(int argc, char **argv)
{
  struct request *first, *waits;

  begin(argc, argv);
  pipelining(10);
  first = request("/first");
  add(first);
  settle();
  answer(&conns[0], "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
         "Content-Length: 5\r\n\r\nfirst");
  if(!until_done(first) || first->result)
    unreachable("the first request was not answered");
  settle();
  if(conns[0].fd < 0)
    unreachable("the connection was not kept");
  waits = request("/waits");
  curl_easy_setopt(waits->easy, CURLOPT_PIPEWAIT, 1L);
  add(waits);
  settle();
  if(arrived(&conns[0]))
    reply(&conns[0], "x");
  return verdict(until_done(waits) && !waits->result, "who waits");
}
