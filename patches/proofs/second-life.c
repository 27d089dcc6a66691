/*
 * 0222: B is behind A in the pipe when A is removed, which breaks the pipe. B
 * is removed as well, before it runs again, and added with another request.
 * That one is sent as it was set, with the size that was given for its body.
 */
#include "proof.h"
#include <string.h>

int main(int argc, char **argv)
{
  struct request *a, *b;
  struct conn *c;

  begin(argc, argv);
  pipelining(10);
  c = warm();
  a = request("/a");
  b = request("/b");
  add(a);
  add(b);
  settle();
  if(c->requests != c->answered + 2)
    unreachable("two requests are not in the pipe");
  curl_multi_remove_handle(multi, a->easy);
  curl_multi_remove_handle(multi, b->easy);
  curl_easy_setopt(b->easy, CURLOPT_POSTFIELDS, "12345");
  curl_easy_setopt(b->easy, CURLOPT_POSTFIELDSIZE, 2L);
  add(b);
  settle();
  c = &conns[conn_count - 1];
  if(conn_count != 2 || !c->in || strncmp(c->in, "POST /b ", 8))
    unreachable("the second request did not come");
  return verdict(strstr(c->in, "Content-Length: 2\r\n") != NULL,
                 "the size of a body");
}
