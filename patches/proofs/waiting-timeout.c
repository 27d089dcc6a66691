/* 0221: CURLOPT_TIMEOUT ends a handle that waits for a connection. */
#include "proof.h"

int main(int argc, char **argv)
{
  struct request *first, *waits;

  begin(argc, argv);
  pipelining(1);
  warm();
  first = request("/first");
  waits = request("/waits");
  curl_easy_setopt(waits->easy, CURLOPT_TIMEOUT_MS, 200L);
  add(first);
  settle();
  add(waits);
  until_done(waits);
  return verdict(waits->done && waits->result == CURLE_OPERATION_TIMEDOUT,
                 "the timeout");
}
