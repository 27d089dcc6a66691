/*
 * 0107: a request waits behind one that is blocked. CURLOPT_CONNECTTIMEOUT
 * does not end it: there is a connection.
 */
#include "proof.h"

int main(int argc, char **argv)
{
  struct request *blocked, *behind;
  struct conn *c;

  server_buffer = 4096;
  begin(argc, argv);
  pipelining(10);
  c = warm();
  blocked = request("/blocked");
  large(blocked, 7000000);
  behind = request("/behind");
  curl_easy_setopt(behind->easy, CURLOPT_CONNECTTIMEOUT_MS, 300L);
  c->stalled = 1;
  add(blocked);
  settle();
  add(behind);
  pass_time(500);
  c->stalled = 0;
  settle();
  reply(c, "blocked");
  if(!until_done(blocked) || blocked->result)
    unreachable("the first was not answered");
  settle();
  if(arrived(c))
    reply(c, "behind");
  until_done(behind);
  return verdict(behind->done && !behind->result, "the request behind it");
}
