/*
 * 0206: B is behind A in the pipe, but before it in the multi handle, because
 * it was redirected. When A is done B is told that it is its turn, by a time
 * that is due at once. It must not get lost behind an older one of B's, that
 * is due as well. The clock is in the hands of the program.
 */
#define _GNU_SOURCE
#include <sys/time.h>
#include <time.h>
#include "proof.h"

static long long clock_us = 1000000000LL;

/* in the place of those of libc, for libcurl too */
int clock_gettime(clockid_t id, struct timespec *t)
{
  (void)id;
  clock_us++;
  t->tv_sec = (time_t)(clock_us / 1000000);
  t->tv_nsec = (long)(clock_us % 1000000 * 1000);
  return 0;
}

int main(int argc, char **argv)
{
  struct request *a, *b;
  struct conn *c;
  long wait_ms = -1;

  begin(argc, argv);
  pipelining(10);
  c = warm();
  b = request("/b");
  curl_easy_setopt(b->easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(b->easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
  a = request("/a");
  add(b);
  add(a);
  settle();
  answer(c, "HTTP/1.1 302 Found\r\nLocation: /c\r\n"
         "Content-Length: 0\r\n\r\n");
  settle();
  if(c->requests != c->answered + 2 || conn_count != 1)
    unreachable("the redirected request is not behind the other one");
  clock_us += 6000000; /* so that CURLOPT_CONNECTTIMEOUT_MS is over */
  reply(c, "a");
  if(!until_done(a) || b->done)
    unreachable("the request before it is not done");
  curl_multi_timeout(multi, &wait_ms);
  return verdict(wait_ms == 0 || wait_ms == 1, "the turn of the next one");
}
