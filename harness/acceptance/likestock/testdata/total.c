/*
 * CURLMOPT_MAX_TOTAL_CONNECTIONS is 1. One handle is served by the first host,
 * and two wait to be served by the second one. Prints how many are done when
 * there is nothing left that libcurl waits for.
 *
 *   total perform|socket
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "drive.h"

#define HANDLES 3
#define PATIENCE 3000     /* rounds of 1 ms until handles sleep for ever */

static int listener;

/* answers and closes a connection at once */
static void serve(void)
{
  static const char response[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  static int conn = -1;
  char request[4000];

  if(conn < 0)
    conn = accept(listener, NULL, NULL);
  if(conn >= 0 &&
     recv(conn, request, sizeof(request), MSG_DONTWAIT) > 0) {
    if(send(conn, response, strlen(response), MSG_NOSIGNAL) < 0)
      perror("send");
    close(conn);
    conn = -1;
  }
}

int main(int argc, char **argv)
{
  static const char *const hosts[HANDLES] =
    { "127.0.0.1", "localhost", "localhost" };
  CURL *easy[HANDLES];
  CURLM *multi;
  CURLMsg *message;
  int i, port, left, rounds, done = 0;

  if(argc != 2)
    return 2;
  curl_global_init(CURL_GLOBAL_ALL);
  listener = drive_listen(0, &port);
  if(listener < 0) {
    perror("listen");
    return 2;
  }
  multi = curl_multi_init();
  drive_begin(multi, !strcmp(argv[1], "socket"));
  curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 1L);
  for(i = 0; i < HANDLES; i++) {
    char url[100];
    sprintf(url, "http://%s:%d/", hosts[i], port);
    easy[i] = curl_easy_init();
    curl_easy_setopt(easy[i], CURLOPT_URL, url);
    curl_easy_setopt(easy[i], CURLOPT_PROXY, "");
    curl_easy_setopt(easy[i], CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy[i], CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V4);
    curl_multi_add_handle(multi, easy[i]);
  }
  for(i = 0; i < 20; i++)
    drive_step(multi); /* two wait for a connection before any is served */
  for(rounds = 0; done < HANDLES && rounds < PATIENCE; rounds++) {
    serve();
    if(!drive_step(multi))
      poll(NULL, 0, 1);
    while((message = curl_multi_info_read(multi, &left)) != NULL)
      if(message->msg == CURLMSG_DONE && !message->data.result)
        done++;
  }
  printf("%d\n", done);
  for(i = 0; i < HANDLES; i++) {
    curl_multi_remove_handle(multi, easy[i]);
    curl_easy_cleanup(easy[i]);
  }
  curl_multi_cleanup(multi);
  curl_global_cleanup();
  close(listener);
  return 0;
}
