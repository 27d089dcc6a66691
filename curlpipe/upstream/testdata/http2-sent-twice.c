/*
 * The server answers a POST halfway and then resets its stream with
 * HTTP_1_1_REQUIRED. It has processed the request, but libcurl sends the
 * request again, over HTTP/1.1.
 */
#include "origin.h"

static volatile int carried_out;

static void serve(int socket, int number)
{
  static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  unsigned stream;
  char rest[4096];
  if(number) {
    if(recv(socket, rest, sizeof(rest), 0) > 4 && !memcmp(rest, "POST", 4)) {
      carried_out++;
      say(socket, answer, sizeof(answer) - 1);
    }
    return;
  }
  stream = answer_half(socket);
  if(!stream)
    return;
  carried_out++;
  send_frame(socket, RESET, 0, stream, "\0\0\0\x0d", 4);
  drain(socket);
}

int main(void)
{
  static struct origin origin;
  CURL *easy;
  CURLcode code;
  origin_start(&origin, serve);
  easy = request(&origin, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
  code = curl_easy_perform(easy);
  return report(carried_out > 1, "a POST was carried out %d times, result %d",
                carried_out, (int)code);
}
