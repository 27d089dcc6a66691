/*
 * 0105: a header takes longer to send than libcurl waits for 100 (Continue).
 * The body must wait that long from when the header is sent.
 */
#include <string.h>
#include "proof.h"

static size_t give(char *into, size_t size, size_t count, void *user)
{
  (void)user;
  memcpy(into, "body", size * count < 4 ? 0 : 4);
  return 4;
}

int main(int argc, char **argv)
{
  struct request *r;
  struct conn *c;

  server_buffer = 4096;
  begin(argc, argv);
  pipelining(10);
  r = request("/put");
  large(r, 7000000);
  curl_easy_setopt(r->easy, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(r->easy, CURLOPT_READFUNCTION, give);
  curl_easy_setopt(r->easy, CURLOPT_INFILESIZE, 4L);
  curl_easy_setopt(r->easy, CURLOPT_EXPECT_100_TIMEOUT_MS, 1000L);
  c = &conns[0];
  c->stalled = 1;
  add(r);
  pass_time(1200);
  c->stalled = 0;
  while(!arrived(c)) {
    if(!turn() && r->done)
      unreachable("the header did not arrive");
  }
  settle();
  return verdict(c->in[c->size - 1] == '\n', "the wait for 100");
}
