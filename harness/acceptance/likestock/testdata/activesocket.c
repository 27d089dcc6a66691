/*
 * Connects over TLS with CURLOPT_CONNECT_ONLY, sends a request, and waits with
 * poll() for the answer. Then asks for the socket again, as a program does
 * before each poll(), and polls. Prints if the answer is there for poll(), after
 * CURLINFO_ACTIVESOCKET and after CURLINFO_LASTSOCKET, and the answer.
 *
 *   activesocket URL
 */
/* the checks of the types do not know CURLINFO_ACTIVESOCKET */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE 10000    /* ms until the server does not answer */

static int readable(curl_socket_t fd, int ms)
{
  struct pollfd p;

  p.fd = fd;
  p.events = POLLIN;
  return poll(&p, 1, ms) == 1;
}

int main(int argc, char **argv)
{
  CURL *easy;
  CURLcode code;
  curl_socket_t fd;
  long last = -1;
  size_t size;
  char answer[100];

  if(argc != 2)
    return 2;
  curl_global_init(CURL_GLOBAL_ALL);
  easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
  code = curl_easy_perform(easy);
  if(!code)
    code = curl_easy_send(easy, "ask\n", 4, &size);
  if(!code)
    code = curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
  if(code || !readable(fd, PATIENCE)) {
    fprintf(stderr, "there is no answer: %s\n", curl_easy_strerror(code));
    return 2;
  }
  code = curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
  printf("%d %d\n", (int)code, readable(fd, 0));
  code = curl_easy_getinfo(easy, CURLINFO_LASTSOCKET, &last);
  printf("%d %d %d\n", (int)code, last == (long)fd, readable(fd, 0));
  code = curl_easy_recv(easy, answer, sizeof(answer), &size);
  if(code)
    size = 0;
  printf("%d %.*s\n", (int)code, (int)size, answer);
  curl_easy_cleanup(easy);
  curl_global_cleanup();
  return 0;
}
