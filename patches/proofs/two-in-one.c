/*
 * 0108: two responses come in one read, and CURLMOPT_PIPELINING is set to 0
 * while the first one is delivered. The second one is not lost.
 */
#include "proof.h"

static size_t switch_off(char *bytes, size_t size, size_t count, void *user)
{
  (void)bytes;
  (void)user;
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, 0L);
  return size * count;
}

int main(int argc, char **argv)
{
  static const char both[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb";
  struct request *a, *b;
  struct conn *c;

  begin(argc, argv);
  pipelining(10);
  c = warm();
  a = request("/a");
  curl_easy_setopt(a->easy, CURLOPT_WRITEFUNCTION, switch_off);
  b = request("/b");
  add(a);
  add(b);
  settle();
  if(c->requests != 3)
    unreachable("the requests did not come");
  answer(c, both);
  until_done(b);
  return verdict(b->done && !b->result && b->size == 1, "the second one");
}
