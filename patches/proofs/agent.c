/*
 * 0505: B waits behind a request that is blocked, and C joins. B goes out with
 * its own User-Agent.
 */
#include <string.h>
#include "proof.h"

int main(int argc, char **argv)
{
  struct request *a, *b, *other;
  struct conn *c;

  server_buffer = 4096;
  begin(argc, argv);
  pipelining(10);
  c = warm();
  a = request("/a");
  large(a, 6000000);
  b = request("/b");
  curl_easy_setopt(b->easy, CURLOPT_USERAGENT, "agent-b");
  other = request("/c");
  curl_easy_setopt(other->easy, CURLOPT_USERAGENT, "agent-c");
  c->stalled = 1;
  add(a);
  settle();
  add(b);
  add(other);
  settle();
  c->stalled = 0;
  settle();
  if(c->requests != 4)
    unreachable("the requests did not come");
  return verdict(strstr(c->in, "agent-b") != NULL, "the User-Agent");
}
