/*
 * Fetches /0, /1, ... of an origin, one after the other, and prints for each
 * how that ended: libcurl's code, the status and the length of the body.
 *
 *   cut PORT COUNT
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static size_t ignore(char *data, size_t size, size_t n, void *user)
{
  (void)data;
  (void)user;
  return size * n;
}

int main(int argc, char **argv)
{
  int i;

  if(argc != 3)
    return 2;
  curl_global_init(CURL_GLOBAL_ALL);
  for(i = 0; i < atoi(argv[2]); i++) {
    CURL *easy = curl_easy_init();
    CURLcode result;
    long status = 0;
    double length = 0;
    char url[100];
    sprintf(url, "http://127.0.0.1:%s/%d", argv[1], i);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    result = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD, &length);
    printf("%d %ld %.0f\n", (int)result, status, length);
    curl_easy_cleanup(easy);
  }
  curl_global_cleanup();
  return 0;
}
