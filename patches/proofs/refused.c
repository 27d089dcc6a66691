/*
 * 0209: a handle waits until another one has made a connection, and that one
 * fails: the proxy refuses the tunnel, or TLS fails at once. The application
 * leaves the failed handle in the multi handle. The one that waits gets a
 * connection of its own.
 */
#include <stdio.h>
#include "proof.h"

#define OK "HTTP/1.1 200 OK\r\n\r\n"

static void tunnel(struct request *r)
{
  curl_easy_setopt(r->easy, CURLOPT_PROXY, "127.0.0.1");
  curl_easy_setopt(r->easy, CURLOPT_PROXYPORT, (long)port);
  curl_easy_setopt(r->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
}

static int tunnel_refused(void)
{
  struct request *first = request("/first");
  struct request *waits = request("/waits");

  tunnel(first);
  tunnel(waits);
  add(first);
  settle();
  add(waits);
  settle();
  if(conn_count != 1 || !arrived(&conns[0]))
    unreachable("the first handle makes no connection");
  answer(&conns[0], "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  settle();
  if(!first->done || !first->result)
    unreachable("the first handle did not fail");
  if(conn_count < 2)
    return 0;
  answer(&conns[1], OK);
  settle();
  reply(&conns[1], "x");
  return until_done(waits) && !waits->result;
}

/* there are no certificates to verify with, which is found when it begins */
static int handshake_failed(void)
{
  struct request *all[2];
  char url[100];
  int i;

  sprintf(url, "https://127.0.0.1:%d/", port);
  for(i = 0; i < 2; i++) {
    all[i] = request("/");
    curl_easy_setopt(all[i]->easy, CURLOPT_URL, url);
    curl_easy_setopt(all[i]->easy, CURLOPT_CAINFO, "/dev/null/none");
  }
  /* both are there when the first one fails */
  curl_multi_add_handle(multi, all[0]->easy);
  curl_multi_add_handle(multi, all[1]->easy);
  if(!until_done(all[0]) || !all[0]->result)
    unreachable("the first handle did not fail");
  return until_done(all[1]);
}

int main(int argc, char **argv)
{
  begin(argc, argv);
  pipelining(10);
  return verdict(tunnel_refused() && handshake_failed(), "who waits");
}
