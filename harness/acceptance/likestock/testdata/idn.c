/*
 * CURLMOPT_MAX_HOST_CONNECTIONS is 1, and a handle waits until another one's
 * connection to the same international name is closed because of
 * CURLOPT_TIMEOUT. Prints how both end, or - for a handle that does not.
 *
 *   idn perform|socket
 */
#include <locale.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "drive.h"

#define HANDLES 2
#define PATIENCE 3000     /* rounds of 1 ms until a handle sleeps for ever */

static int listener;

/* answers on the second connection alone */
static void serve(void)
{
  static const char response[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  static int conns[HANDLES];
  static int count;
  char request[4000];
  int fd = count < HANDLES ? accept(listener, NULL, NULL) : -1;

  if(fd >= 0)
    conns[count++] = fd;
  if(count == HANDLES &&
     recv(conns[1], request, sizeof(request), MSG_DONTWAIT) > 0 &&
     send(conns[1], response, strlen(response), MSG_NOSIGNAL) < 0)
    perror("send");
}

int main(int argc, char **argv)
{
  CURL *easy[HANDLES];
  CURLM *multi;
  CURLMsg *message;
  struct curl_slist *address;
  char url[100];
  char entry[100];
  int result[HANDLES] = { -1, -1 };
  int i, port, left, rounds, done = 0;

  if(argc != 2)
    return 2;
  /* what was freed is not what it was */
  mallopt(M_PERTURB, 0x55);
  if(!setlocale(LC_ALL, "C.UTF-8")) {
    fputs("no locale with UTF-8\n", stderr);
    return 2;
  }
  curl_global_init(CURL_GLOBAL_ALL);
  listener = drive_listen(0, &port);
  if(listener < 0) {
    perror("listen");
    return 2;
  }
  sprintf(url, "http://b\xc3\xbc" "cher.example:%d/", port);
  sprintf(entry, "xn--bcher-kva.example:%d:127.0.0.1", port);
  address = curl_slist_append(NULL, entry);
  multi = curl_multi_init();
  drive_begin(multi, !strcmp(argv[1], "socket"));
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
  for(i = 0; i < HANDLES; i++) {
    easy[i] = curl_easy_init();
    curl_easy_setopt(easy[i], CURLOPT_URL, url);
    curl_easy_setopt(easy[i], CURLOPT_PROXY, "");
    curl_easy_setopt(easy[i], CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy[i], CURLOPT_RESOLVE, address);
    if(!i)
      curl_easy_setopt(easy[i], CURLOPT_TIMEOUT_MS, 100L);
    curl_multi_add_handle(multi, easy[i]);
    drive_step(multi);
    drive_step(multi); /* the second one waits for the first */
  }
  for(rounds = 0; done < HANDLES && rounds < PATIENCE; rounds++) {
    serve();
    if(!drive_step(multi))
      poll(NULL, 0, 1);
    while((message = curl_multi_info_read(multi, &left)) != NULL)
      for(i = 0; i < HANDLES; i++)
        if(message->easy_handle == easy[i]) {
          result[i] = (int)message->data.result;
          done++;
        }
  }
  for(i = 0; i < HANDLES; i++) {
    if(result[i] < 0)
      puts("-");
    else
      printf("%d\n", result[i]);
    curl_multi_remove_handle(multi, easy[i]);
    curl_easy_cleanup(easy[i]);
  }
  curl_multi_cleanup(multi);
  curl_slist_free_all(address);
  curl_global_cleanup();
  close(listener);
  return 0;
}
