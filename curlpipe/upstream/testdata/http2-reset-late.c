/*
 * A request is taken out of the multi handle. RST_STREAM is to tell the server,
 * which may have much to send yet; libcurl keeps it until the connection's next
 * request.
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

/* Drives libcurl for so long, or until some of a body was delivered. */
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
