/*
 * The server ends a response half-way with RST_STREAM(NO_ERROR). The body is
 * cut short, whatever the error code is [RFC 9113, section 8.1]; libcurl says
 * CURLE_OK.
 */
#include "origin.h"

static void serve(int socket, int number)
{
  unsigned stream;
  char rest[4096];
  (void)number;
  if(!greet(socket))
    return;
  stream = read_request(socket);
  send_frame(socket, HEADERS, END_HEADERS, stream, STATUS_200, 1);
  send_frame(socket, DATA, 0, stream, "half", 4);
  wait_for_delivery();
  send_frame(socket, RESET, 0, stream, "\0\0\0\0", 4);
  while(recv(socket, rest, sizeof(rest), 0) > 0)
    ;
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
