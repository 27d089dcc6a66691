/*
 * A server answers a POST before its body has arrived, and then refuses the
 * rest of the body with RST_STREAM(NO_ERROR). The response is complete, and
 * must not be discarded [RFC 9113, section 8.1]. 7.88.1 discards it if both
 * arrive together.
 */
#include "origin.h"

static void serve(int socket, int number)
{
  static const char answer[] =
    "\0\0\1\1\4\0\0\0\1" STATUS_200 /* HEADERS */
    "\0\0\5\0\1\0\0\0\1" "whole" /* DATA, END_STREAM */
    "\0\0\4\3\0\0\0\0\1" "\0\0\0\0"; /* RST_STREAM */
  (void)number;
  if(greet(socket) && read_request(socket))
    say(socket, answer, sizeof(answer) - 1);
  drain(socket);
}

int main(void)
{
  static struct origin origin;
  static char body[1 << 20]; /* longer than the stream's window */
  CURL *easy;
  CURLcode code;
  origin_start(&origin, serve);
  easy = request(&origin, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)sizeof(body));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 2000L);
  code = curl_easy_perform(easy);
  return report(code || !delivered,
                "a response before the request's body: %s, result %d",
                delivered ? "delivered" : "lost", (int)code);
}
