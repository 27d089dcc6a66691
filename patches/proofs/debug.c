/* 0104: the debug callback is shown all of a request that is sent in parts. */
#include "proof.h"

static size_t shown;

static int on_debug(CURL *easy, curl_infotype type, char *bytes, size_t size,
                    void *user)
{
  (void)easy;
  (void)bytes;
  (void)user;
  if(type == CURLINFO_HEADER_OUT)
    shown += size;
  return 0;
}

int main(int argc, char **argv)
{
  struct request *r;
  long size;

  server_buffer = 4096;
  begin(argc, argv);
  pipelining(10);
  r = request("/large");
  large(r, 7000000);
  curl_easy_setopt(r->easy, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(r->easy, CURLOPT_DEBUGFUNCTION, on_debug);
  add(r);
  settle();
  reply(&conns[0], "large");
  if(!until_done(r) || r->result)
    unreachable("the request was not answered");
  curl_easy_getinfo(r->easy, CURLINFO_REQUEST_SIZE, &size);
  return verdict(shown == (size_t)size, "what the debug callback is shown");
}
