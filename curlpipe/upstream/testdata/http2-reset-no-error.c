/*
 * The server ends a response halfway with RST_STREAM(NO_ERROR). The body is
 * truncated, whatever the error code is [RFC 9113, section 8.1], but libcurl
 * returns CURLE_OK.
 */
#include "origin.h"

static void serve(int socket, int number)
{
  unsigned stream;
  (void)number;
  stream = answer_half(socket);
  if(!stream)
    return;
  send_frame(socket, RESET, 0, stream, "\0\0\0\0", 4);
  drain(socket);
}

int main(void)
{
  static struct origin origin;
  CURLcode code;
  origin_start(&origin, serve);
  code = curl_easy_perform(request(&origin,
                                   CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE));
  return report(!code, "RST_STREAM(NO_ERROR) in a body: result %d",
                (int)code);
}
