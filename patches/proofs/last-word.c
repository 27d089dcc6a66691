/*
 * 0211: the progress callback stops a transfer whose whole response has come.
 * Its result says so, though others wait for responses on its connection. How
 * often libcurl calls it by then is its own affair: each call is tried.
 */
#include "proof.h"

#define MOST 6            /* calls that are tried, two connections each */

static int calls;         /* since the end of the response came */
static int last;          /* the call that stops the transfer */

static int on_progress(void *user, curl_off_t total, curl_off_t now,
                       curl_off_t to_send, curl_off_t sent)
{
  (void)user;
  (void)to_send;
  (void)sent;
  return total && now == total && ++calls == last;
}

int main(int argc, char **argv)
{
  int right = 1;

  begin(argc, argv);
  pipelining(10);
  for(last = 1; last <= MOST && right; last++) {
    struct conn *c = warm();
    struct request *a = request("/a");
    struct request *b = request("/b");
    curl_easy_setopt(a->easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(a->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    add(a);
    add(b);
    settle();
    calls = 0;
    reply(c, "whole");
    if(!until_done(a))
      unreachable("the response did not come");
    curl_multi_remove_handle(multi, b->easy);
    settle();
    if(calls < last)
      break;
    right = a->result == CURLE_ABORTED_BY_CALLBACK;
  }
  if(last == 1)
    unreachable("the callback was not called at the end");
  return verdict(right, "the result of a transfer that was stopped");
}
