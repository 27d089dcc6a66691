/*
 * A line of the header section begins with a NUL. RFC 9110, section 5.5,
 * requires that such a response is rejected or the NUL replaced. libcurl up to
 * 8.4.0 loses everything after the previous line that it has read, and takes
 * what arrives later for the rest of the section:
 * Curl_http_readwrite_headers() ends with while(*k->str).
 */
#include "origin.h"

static void serve(int socket, int number)
{
  static const char first[] =
    "HTTP/1.1 200 OK\r\n\0: x\r\nContent-Length: 5\r\n\r\nfirst";
  static const char later[] = "Content-Length: 5\r\n\r\nlater";
  char asked[4096];
  (void)number;
  if(recv(socket, asked, sizeof(asked), 0) <= 0)
    return;
  say(socket, first, sizeof(first) - 1);
  usleep(300 * 1000); /* so that libcurl reads it separately */
  say(socket, later, sizeof(later) - 1);
  recv(socket, asked, sizeof(asked), 0);
}

int main(void)
{
  static struct origin origin;
  CURLcode code;
  origin_start(&origin, serve);
  code = curl_easy_perform(request(&origin, CURL_HTTP_VERSION_1_1));
  return report(!code || code == CURLE_OPERATION_TIMEDOUT,
                "a NUL in the header section: result %d", (int)code);
}
