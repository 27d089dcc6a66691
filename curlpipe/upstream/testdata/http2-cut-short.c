/*
 * Half of a response has arrived when the server breaks the protocol, with
 * HEADERS on stream 0 [RFC 9113, section 6.2], and closes. The body is
 * truncated, but 7.88.1 returns CURLE_OK.
 */
#include "origin.h"

static void serve(int socket, int number)
{
  (void)number;
  if(!answer_half(socket))
    return;
  send_frame(socket, HEADERS, END_HEADERS, 0, STATUS_200, 1);
  drain(socket);
}

int main(void)
{
  static struct origin origin;
  CURLcode code;
  origin_start(&origin, serve);
  code = curl_easy_perform(request(&origin,
                                   CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE));
  return report(!code, "a body without END_STREAM: result %d", (int)code);
}
