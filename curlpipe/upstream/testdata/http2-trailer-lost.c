/*
 * A response has a Content-Length and a trailer section [RFC 9113, section
 * 8.1]. 7.88.1 ends the transfer when the length has arrived, and does not
 * wait for the rest of the stream.
 */
#include "origin.h"

static void serve(int socket, int number)
{
  unsigned stream;
  (void)number;
  stream = greet(socket) ? read_request(socket) : 0;
  if(!stream)
    return;
  send_frame(socket, HEADERS, END_HEADERS, stream,
             STATUS_200 "\0\16content-length\1" "4", 1 + 1 + 15 + 2);
  send_frame(socket, DATA, 0, stream, "body", 4);
  wait_for_delivery();
  send_frame(socket, HEADERS, END_HEADERS | END_STREAM, stream,
             "\0\5x-sum\2" "42", 1 + 6 + 3);
  drain(socket);
}

static int came;

static size_t look(char *line, size_t size, size_t count, void *user)
{
  (void)user;
  came |= size * count > 6 && !memcmp(line, "x-sum:", 6);
  return size * count;
}

int main(void)
{
  static struct origin origin;
  CURL *easy;
  CURLcode code;
  origin_start(&origin, serve);
  easy = request(&origin, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, look);
  code = curl_easy_perform(easy);
  return report(!came, "a trailer section behind a Content-Length: %s, "
                "result %d", came ? "delivered" : "lost", (int)code);
}
