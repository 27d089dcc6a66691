/*
 * An upload has used up its window [RFC 9113, section 5.2], and the server
 * sends nothing. The client can only wait, but 7.88.1 keeps a processor busy.
 */
#include "origin.h"

static void serve(int socket, int number)
{
  static struct frame frame;
  (void)number;
  if(!greet(socket))
    return;
  while(read_frame(socket, &frame))
    ;
}

static double used(void)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(void)
{
  static struct origin origin;
  static char body[1 << 20];
  CURLM *multi = curl_multi_init();
  CURL *easy;
  int running = 1;
  double begun;
  double until;
  origin_start(&origin, serve);
  easy = request(&origin, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)sizeof(body));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  curl_multi_add_handle(multi, easy);
  for(until = seconds() + 0.5; running && seconds() < until;) {
    curl_multi_perform(multi, &running);
    curl_multi_wait(multi, NULL, 0, 100, NULL);
  }
  begun = used();
  for(until = seconds() + 1; running && seconds() < until;) {
    curl_multi_perform(multi, &running);
    curl_multi_wait(multi, NULL, 0, 1000, NULL);
  }
  return report(used() - begun > 0.1,
                "%.2f s of CPU time in 1 s without a window",
                used() - begun);
}
