/*
 * 0504: A has a Host of its own, and B, which joins the connection, has none.
 * A cookie that comes with the response to B does not belong to that Host.
 */
#include <string.h>
#include "proof.h"

int main(int argc, char **argv)
{
  static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
    "Set-Cookie: name=value\r\n\r\nb";
  struct request *a, *b;
  struct curl_slist *cookies = NULL;
  struct conn *c;

  begin(argc, argv);
  pipelining(10);
  c = warm();
  a = request("/a");
  header(a, "Host: one.test");
  curl_easy_setopt(a->easy, CURLOPT_COOKIEFILE, "");
  b = request("/b");
  curl_easy_setopt(b->easy, CURLOPT_COOKIEFILE, "");
  add(a);
  add(b);
  settle();
  reply(c, "a");
  answer(c, text);
  settle();
  curl_easy_getinfo(b->easy, CURLINFO_COOKIELIST, &cookies);
  if(!b->done || !cookies)
    unreachable("no cookie was kept");
  return verdict(!strstr(cookies->data, "one.test"),
                 "the host of the cookie");
}
