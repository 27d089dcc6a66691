/*
 * Half of a response has come when the server breaks HTTP/2's rules, with
 * HEADERS on stream 0 [RFC 9113, section 6.2], and closes. The body is cut
 * short; 7.88.1 says CURLE_OK.
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
