/* 0106: nobody takes a request. CURLOPT_LOW_SPEED_LIMIT ends it. */
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
  curl_easy_setopt(r->easy, CURLOPT_LOW_SPEED_LIMIT, 1000000000L);
  curl_easy_setopt(r->easy, CURLOPT_LOW_SPEED_TIME, 1L);
  c->stalled = 1;
  add(r);
  until_done(r);
  return verdict(r->result == CURLE_OPERATION_TIMEDOUT, "the limit");
}
