/*
 * An HTTP/2 server sends frames that belong to no stream, without end. In
 * 7.88.1 a call of curl_multi_perform() lasts as long as the flood: the loop
 * in cf_h2_recv() ends only with data for the stream, or when nothing is left
 * to read. No other transfer of the multi handle is run meanwhile.
 */
#include "origin.h"

#define LASTS 2.0 /* seconds */

static volatile int asked;

static void serve(int socket, int number)
{
  static char frames[1000 * 10];
  double until;
  int i;
  (void)number;
  for(i = 0; i < 1000; i++) /* of an unknown type, with one octet */
    memcpy(frames + 10 * i, "\0\0\1\xfa\0\0\0\0\0", 10);
  if(!greet(socket) || !read_request(socket))
    return;
  asked = 1;
  for(until = seconds() + LASTS; seconds() < until;)
    say(socket, frames, sizeof(frames));
}

int main(void)
{
  static struct origin origin;
  CURLM *multi = curl_multi_init();
  double longest = 0;
  int running = 1;
  origin_start(&origin, serve);
  curl_multi_add_handle(multi, request(&origin,
                                       CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE));
  while(running) {
    double before = seconds();
    curl_multi_perform(multi, &running);
    if(asked && seconds() - before > longest)
      longest = seconds() - before;
    curl_multi_wait(multi, NULL, 0, 100, NULL);
  }
  return report(longest > LASTS / 2,
                "a flood of %.1f s: one call lasted %.2f s", LASTS, longest);
}
