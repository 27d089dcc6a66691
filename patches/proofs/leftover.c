/*
 * 0327 and 0333: the rest of what the server sent to the first request comes
 * when the second one is on its way. It is no response to that.
 */
#include <string.h>
#include <sys/socket.h>
#include "proof.h"

int main(int argc, char **argv)
{
  static const char excess[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHT";
  static const char empty[] = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n";
  static const char rest[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nrest";
  struct request *a, *b;
  struct conn *c;

  begin(argc, argv);
  if(number == 333)
    pipelining(10);
  c = warm();
  a = request("/a");
  if(number == 333) {
    curl_easy_setopt(a->easy, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(a->easy, CURLOPT_CUSTOMREQUEST, "GET");
  }
  add(a);
  settle();
  answer(c, number == 333 ? empty : excess);
  settle();
  if(!a->done || a->result)
    unreachable("the first request was not answered");
  b = request("/b");
  add(b);
  settle();
  if(c->fd >= 0 && arrived(c))
    answer(c, number == 333 ? rest : rest + 2);
  else if(conn_count == 2)
    reply(&conns[1], "b");
  until_done(b);
  return verdict(b->done && !b->result && b->size == 1, "the response");
}
