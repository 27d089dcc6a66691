/*
 * A server breaks the protocol, with HEADERS on stream 0 [RFC 9113, section
 * 6.2], and keeps the TCP connection open. The connection is unusable, but
 * libcurl 8.22 sends the next request on it, which fails.
 */
#include "origin.h"

static void serve(int socket, int number)
{
  unsigned stream;
  if(number) {
    stream = greet(socket) ? read_request(socket) : 0;
    if(stream)
      send_frame(socket, HEADERS, END_HEADERS | END_STREAM, stream,
                 STATUS_200, 1);
  }
  else if(answer_half(socket))
    send_frame(socket, HEADERS, END_HEADERS, 0, STATUS_200, 1);
  drain(socket);
}

int main(void)
{
  static struct origin origin;
  CURL *easy;
  CURLcode code;
  origin_start(&origin, serve);
  easy = request(&origin, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
  curl_easy_perform(easy);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 2000L);
  code = curl_easy_perform(easy);
  return report(code, "the request after an error of the connection: "
                "result %d", (int)code);
}
