/*
 * Makes requests with CURLPIPE_MULTIPLEX, when it is told to.
 *
 *   multiplex perform|socket MAX_HOST_CONNECTIONS
 *
 * Each line of its input adds a handle:
 *
 *   NAME GET|POST HTTP/1.1|HTTP/2 any|fresh URL
 *
 * fresh is CURLOPT_FRESH_CONNECT, and 0 connections are no limit. When a
 * handle is done a line tells its name, curl's code, the status and the body.
 * The program ends with its input.
 */
#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "drive.h"

#define HANDLES 8
#define ROOM 200

struct handle {
  CURL *easy;            /* NULL once it is done */
  char name[20];
  char body[ROOM];
  size_t size;
};

static CURLM *multi;
static struct handle handles[HANDLES];
static int handle_count;

static void die(const char *what)
{
  fprintf(stderr, "%s\n", what);
  exit(3);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
  struct handle *h = user;
  size_t i;

  for(i = 0; i < size * count && h->size < ROOM; i++)
    h->body[h->size++] = bytes[i];
  return i;
}

static void add(const char *line)
{
  struct handle *h = &handles[handle_count++];
  char method[8], protocol[12], connection[8], url[ROOM];

  if(handle_count > HANDLES)
    die("too many handles");
  if(sscanf(line, "%19s %7s %11s %7s %199s", h->name, method, protocol,
            connection, url) != 5)
    die("a line of the input lacks something");
  h->easy = curl_easy_init();
  curl_easy_setopt(h->easy, CURLOPT_URL, url);
  curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(h->easy, CURLOPT_PROXY, "");
  curl_easy_setopt(h->easy, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(h->easy, CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(h->easy, CURLOPT_HTTP_VERSION,
                   (long)(strcmp(protocol, "HTTP/2") ?
                          CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(h->easy, CURLOPT_FRESH_CONNECT,
                   strcmp(connection, "fresh") ? 0L : 1L);
  if(!strcmp(method, "POST"))
    curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, "order=1");
  curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
  curl_easy_setopt(h->easy, CURLOPT_PRIVATE, h);
  if(curl_multi_add_handle(multi, h->easy))
    die("curl_multi_add_handle() fails");
}

static void drop(struct handle *h)
{
  curl_multi_remove_handle(multi, h->easy);
  curl_easy_cleanup(h->easy);
  h->easy = NULL;
}

static void collect(void)
{
  CURLMsg *message;
  int left;

  while((message = curl_multi_info_read(multi, &left)) != NULL) {
    struct handle *h = NULL;
    int code = message->data.result;
    long status = 0;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&h);
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    printf("%s %d %ld %.*s\n", h->name, code, status, (int)h->size, h->body);
    drop(h);
  }
}

int main(int argc, char **argv)
{
  struct pollfd input;
  char line[ROOM * 2];
  int i;

  if(argc != 3)
    return 2;
  setvbuf(stdin, NULL, _IONBF, 0); /* poll() sees all that is left of it */
  setvbuf(stdout, NULL, _IOLBF, 0);
  curl_global_init(CURL_GLOBAL_ALL);
  multi = curl_multi_init();
  drive_begin(multi, !strcmp(argv[1], "socket"));
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, atol(argv[2]));
  input.fd = STDIN_FILENO;
  input.events = POLLIN;
  for(;;) {
    if(poll(&input, 1, 1) > 0) {
      if(!fgets(line, sizeof(line), stdin))
        break;
      add(line);
    }
    drive_step(multi);
    collect();
  }
  for(i = 0; i < handle_count; i++) {
    if(handles[i].easy)
      drop(&handles[i]);
  }
  curl_multi_cleanup(multi);
  curl_global_cleanup();
  return 0;
}
