/*
 * 0208: the connection is reset behind an interim response, and a handle that
 * has something to send sees it first. It starts over on another connection.
 * The handle that waits for the final response has none, and says so.
 */
#include "proof.h"

int main(int argc, char **argv)
{
  struct request *first;
  struct request *second;
  struct conn *c;
  int running;

  begin(argc, argv);
  pipelining(10);
  c = warm();
  first = request("/first");
  second = request("/second");
  add(first);
  settle();
  answer(c, "HTTP/1.1 102 Processing\r\n\r\n");
  settle();
  reset(c);
  curl_multi_add_handle(multi, second->easy);
  curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
  if(!until_done(first))
    unreachable("the first request does not end");
  settle();
  if(conn_count != 2)
    unreachable("the second request did not start over");
  reply(&conns[1], "x");
  if(!until_done(second) || second->result)
    unreachable("the second request was not answered");
  return verdict(first->result != CURLE_OK, "a request without a response");
}
