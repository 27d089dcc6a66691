/*
 * 0331 and 0332: the response to CONNECT has a length, which has no meaning,
 * or a second status line, which is not a header field.
 */
#include "proof.h"

int main(int argc, char **argv)
{
  struct request *r;
  int right;

  begin(argc, argv);
  r = request("/");
  curl_easy_setopt(r->easy, CURLOPT_PROXY, "127.0.0.1");
  curl_easy_setopt(r->easy, CURLOPT_PROXYPORT, (long)port);
  curl_easy_setopt(r->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
  add(r);
  settle();
  answer(&conns[0], number == 331 ?
         "HTTP/1.1 200 Connected\r\nContent-Length: 5\r\n\r\n" :
         "HTTP/1.1 403 Forbidden\r\nHTTP/1.1 200 Connected\r\n\r\n");
  settle();
  if(arrived(&conns[0]))
    reply(&conns[0], "through");
  settle();
  if(number == 331)
    right = r->done && !r->result && r->size == 7;
  else
    right = r->done && r->result && conns[0].requests == 1;
  return verdict(right, "the tunnel");
}
