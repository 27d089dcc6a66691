/*
 * A request is removed from the multi handle. RST_STREAM has to tell the
 * server, which may still have much to send, but libcurl sends it only with
 * the connection's next request.
 */
#include "origin.h"

static volatile int resets;

static void serve(int socket, int number)
{
  static struct frame frame;
  (void)number;
  if(!answer_half(socket))
    return;
  while(read_frame(socket, &frame))
    resets += frame.type == RESET;
}

/* Drives libcurl for this long, or until a part of a body was delivered. */
static void drive(CURLM *multi, double lasts, int until_delivered)
{
  double until = seconds() + lasts;
  int running;
  while(seconds() < until && !(until_delivered && delivered)) {
    curl_multi_perform(multi, &running);
    curl_multi_wait(multi, NULL, 0, 10, NULL);
  }
}

int main(void)
{
  static struct origin origin;
  CURLM *multi = curl_multi_init();
  CURL *easy;
  origin_start(&origin, serve);
  easy = request(&origin, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
  curl_multi_add_handle(multi, easy);
  drive(multi, 20, 1);
  curl_multi_remove_handle(multi, easy);
  drive(multi, 1, 0);
  return report(!resets, "1 s after a request was removed: %d RST_STREAM",
                resets);
}
