/*
 * 0203, 0209: B joins a connection through a proxy that A makes, and A is
 * removed before the proxy has answered its CONNECT. B is told that A has left
 * (0203), and must not send its request to the proxy (0209).
 */
#include "proof.h"

static struct request *tunnelled(const char *path)
{
  struct request *r = request(path);
  curl_easy_setopt(r->easy, CURLOPT_PROXY, "127.0.0.1");
  curl_easy_setopt(r->easy, CURLOPT_PROXYPORT, (long)port);
  curl_easy_setopt(r->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
  return r;
}

int main(int argc, char **argv)
{
  static const char connected[] = "HTTP/1.1 200 Connected\r\n\r\n";
  struct request *first, *l1, *l2, *a, *b;
  struct conn *c;

  begin(argc, argv);
  pipelining(10);
  curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 20L);
  first = tunnelled("/first");
  add(first);
  settle();
  answer(&conns[0], connected);
  settle();
  reply(&conns[0], "first");
  settle();
  l1 = tunnelled("/long");
  l2 = tunnelled("/long");
  add(l1);
  add(l2);
  settle();
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 2L);
  a = tunnelled("/a");
  b = tunnelled("/b");
  add(a);
  settle();
  add(b);
  settle();
  if(conn_count != 2 || !arrived(&conns[1]))
    unreachable("there is no second connection");
  c = &conns[1];
  curl_multi_remove_handle(multi, a->easy);
  settle();
  if(number == 203)
    return verdict(c->requests > 1 || conn_count > 2, "who is behind it");
  if(c->requests > 1)
    return verdict(0, "the half-made tunnel");
  if(conn_count == 3)
    answer(&conns[2], connected);
  else
    answer(c, connected);
  settle();
  c = &conns[conn_count - 1];
  if(arrived(c))
    reply(c, "b");
  until_done(b);
  return verdict(b->done && !b->result && b->size == 1, "who joined");
}
