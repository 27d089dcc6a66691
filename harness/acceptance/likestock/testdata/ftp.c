/*
 * Downloads URLs one after another, with one easy handle.
 *
 *   ftp URL...
 *
 * Prints a line for each: curl's code and the body.
 */
#include <curl/curl.h>
#include <stdio.h>

#define ROOM 200

struct body {
  char bytes[ROOM];
  size_t size;
};

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
  struct body *body = user;
  size_t i;

  for(i = 0; i < size * count && body->size < ROOM; i++)
    body->bytes[body->size++] = bytes[i];
  return i;
}

int main(int argc, char **argv)
{
  struct body body;
  CURL *easy;
  CURLcode code;
  int i;

  curl_global_init(CURL_GLOBAL_ALL);
  easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  for(i = 1; i < argc; i++) {
    body.size = 0;
    curl_easy_setopt(easy, CURLOPT_URL, argv[i]);
    code = curl_easy_perform(easy);
    printf("%d %.*s\n", (int)code, (int)body.size, body.bytes);
  }
  curl_easy_cleanup(easy);
  curl_global_cleanup();
  return 0;
}
