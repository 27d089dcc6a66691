/*
 * Fetches URLs at the same time, without pipelining, over one connection:
 * one in all, or one per host, until so many of them are done. Prints
 * libcurl's code for each, or "waits" if it is not done.
 *
 *   waiting perform|socket total|host DONE URL[@PROXY]...
 */
#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "drive.h"

#define HANDLES 10
#define PATIENCE 20000    /* rounds of 1 ms until handles sleep for ever */

static size_t ignore(char *data, size_t size, size_t n, void *user)
{
  (void)data;
  (void)user;
  return size * n;
}

int main(int argc, char **argv)
{
  CURL *easy[HANDLES];
  int code[HANDLES];
  CURLM *multi;
  CURLMsg *message;
  int count = argc - 4;
  int i, left, todo, rounds;

  if(count < 1 || count > HANDLES)
    return 2;
  curl_global_init(CURL_GLOBAL_ALL);
  multi = curl_multi_init();
  drive_begin(multi, !strcmp(argv[1], "socket"));
  curl_multi_setopt(multi, strcmp(argv[2], "total") ?
                    CURLMOPT_MAX_HOST_CONNECTIONS :
                    CURLMOPT_MAX_TOTAL_CONNECTIONS, 1L);
  for(i = 0; i < count; i++) {
    char *proxy = strchr(argv[i + 4], '@');
    if(proxy)
      *proxy++ = '\0';
    code[i] = -1;
    easy[i] = curl_easy_init();
    curl_easy_setopt(easy[i], CURLOPT_URL, argv[i + 4]);
    curl_easy_setopt(easy[i], CURLOPT_PROXY, proxy ? proxy : "");
    curl_easy_setopt(easy[i], CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy[i], CURLOPT_WRITEFUNCTION, ignore);
    curl_multi_add_handle(multi, easy[i]);
  }
  todo = atoi(argv[3]);
  for(rounds = 0; todo > 0 && rounds < PATIENCE; rounds++) {
    if(!drive_step(multi))
      poll(NULL, 0, 1);
    while((message = curl_multi_info_read(multi, &left)) != NULL)
      for(i = 0; i < count; i++)
        if(message->easy_handle == easy[i]) {
          code[i] = (int)message->data.result;
          todo--;
        }
  }
  for(i = 0; i < count; i++) {
    if(code[i] < 0)
      printf("waits\n");
    else
      printf("%d\n", code[i]);
    curl_multi_remove_handle(multi, easy[i]);
    curl_easy_cleanup(easy[i]);
  }
  curl_multi_cleanup(multi);
  curl_global_cleanup();
  return 0;
}
