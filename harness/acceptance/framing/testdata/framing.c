/*
 * Tests a libcurl with responses that can be read in more than one way.
 *
 * Each line of standard input is one run:
 *
 *   tls|plain socket|perform shared|alone|turn METHOD BEHIND HOSTILE SPLIT END HEX
 *
 * METHOD is the method of the request under test, or TUNNEL: then the origin
 *        is a proxy as well, and HEX is the answer to the CONNECT of all requests
 * shared: a connection that pipelines; a request is answered, then the one
 *         that is under test and BEHIND others are put on the connection, and
 *         HEX is the answer to the first of them
 * alone:  no pipelining; HEX is the answer to the first request, BEHIND
 *         others follow it one by one
 * turn:   a connection that pipelines, and the requests one by one
 * HOSTILE: so many connections get that answer first; SPLIT and END: see
 *         framing.h
 *
 * and gives one line: the connections that the origin accepted, and for each
 * request, the one under test first, what curl said, the status, the header
 * lines and the body in hexadecimal. A CODE of -1 is a request that hangs.
 *
 *   CONNECTIONS CODE/STATUS/HEADERS/BODY CODE/STATUS/HEADERS/BODY...
 */
#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "drive.h"
#include "framing.h"

#define MAX_REQUESTS 32
#define MAX_BYTES 400000
#define PATIENCE 200 /* rounds of 1 ms without a change until a request counts
                        as hung */

struct kept {
  size_t size;
  char bytes[MAX_BYTES];
};

struct request {
  CURL *easy;
  int code;             /* -1 until it is done */
  long status;
  struct kept headers;
  struct kept body;
};

static struct request requests[MAX_REQUESTS];

static size_t keep(char *bytes, size_t size, size_t count, void *user)
{
  struct kept *k = user;
  size *= count;
  if(k->size + size > sizeof(k->bytes))
    return 0;
  memcpy(k->bytes + k->size, bytes, size);
  k->size += size;
  return size;
}

static curl_socket_t opened(void *user, curlsocktype purpose,
                            struct curl_sockaddr *address)
{
  curl_socket_t fd = socket(address->family, address->socktype,
                            address->protocol);
  (void)user;
  (void)purpose;
  if(fd != CURL_SOCKET_BAD)
    origin_client_opened(fd);
  return fd;
}

static int closed(void *user, curl_socket_t fd)
{
  (void)user;
  origin_client_closed(fd);
  return close(fd);
}

static void add(CURLM *multi, int number, int port, int is_tls,
                const char *method)
{
  struct request *r = &requests[number];
  CURL *easy = curl_easy_init();
  char url[100];

  sprintf(url, "%s://127.0.0.1:%d/%d", is_tls ? "https" : "http", port,
          number);
  r->easy = easy;
  r->code = -1;
  r->headers.size = 0;
  r->body.size = 0;
  r->status = 0;
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
  /* libcurl would read the machine's authorities for each connection */
  curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &r->body);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, keep);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &r->headers);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, opened);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, closed);
  if(!strcmp(method, "TUNNEL")) {
    curl_easy_setopt(easy, CURLOPT_PROXY, "127.0.0.1");
    curl_easy_setopt(easy, CURLOPT_PROXYPORT, (long)port);
    curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
  }
  else if(!strcmp(method, "HEAD"))
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  else if(strcmp(method, "GET"))
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
  curl_multi_add_handle(multi, easy);
}

/* FALSE when it hangs */
static int run_until_done(CURLM *multi, int from, int to)
{
  int idle = 0;

  for(;;) {
    CURLMsg *message;
    int left, i, moved;
    int open = 0;

    moved = origin_step();
    drive_step(multi);
    while((message = curl_multi_info_read(multi, &left)) != NULL) {
      struct request *r;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r);
      curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE,
                        &r->status);
      r->code = (int)message->data.result;
      moved = 1;
    }
    for(i = from; i < to; i++)
      open += requests[i].code < 0;
    if(!open)
      return 1;
    if(moved)
      idle = 0;
    else if(++idle > PATIENCE)
      return 0;
    else if(idle > 4)
      poll(NULL, 0, 1);
  }
}

static void say_kept(const struct kept *k)
{
  size_t n;
  putchar('/');
  for(n = 0; n < k->size; n++)
    printf("%02x", (unsigned char)k->bytes[n]);
}

static void say(int from, int to)
{
  int i;
  for(i = from; i < to; i++) {
    printf(" %d/%ld", requests[i].code, requests[i].status);
    say_kept(&requests[i].headers);
    say_kept(&requests[i].body);
  }
}

/* lets a request reach the origin before the next is added */
static void run_until_sent(CURLM *multi, int count)
{
  int idle = 0;

  while(origin_requests() < count && idle < PATIENCE) {
    drive_step(multi);
    if(!origin_step() && ++idle > 4)
      poll(NULL, 0, 1);
  }
}

static size_t from_hex(const char *hex, char *into, size_t max)
{
  static const char digits[] = "0123456789abcdef";
  size_t n;
  for(n = 0; n < max && hex[2 * n] && hex[2 * n + 1]; n++)
    into[n] = (char)((strchr(digits, hex[2 * n]) - digits) * 16 +
                     (strchr(digits, hex[2 * n + 1]) - digits));
  return n;
}

int main(void)
{
  static char line[700000], hex[600000], bytes[300000];
  int port = origin_listen();

  setvbuf(stdout, NULL, _IOLBF, 0);
  curl_global_init(CURL_GLOBAL_ALL);
  while(fgets(line, sizeof(line), stdin)) {
    char protocol[8], driver[8], mode[8], method[16];
    struct script script;
    int behind, i, last;
    CURLM *multi = curl_multi_init();

    memset(&script, 0, sizeof(script));
    hex[0] = 0;
    if(sscanf(line, "%7s %7s %7s %15s %d %d %d %d %599999s", protocol, driver,
              mode, method, &behind, &script.hostile_conns, &script.split,
              &script.end, hex) < 8 || behind + 2 > MAX_REQUESTS) {
      fprintf(stderr, "not a run: %s", line);
      return 2;
    }
    script.size = from_hex(hex, bytes, sizeof(bytes));
    script.bytes = bytes;
    script.tls = !strcmp(protocol, "tls");
    last = 2 + behind;
    drive_begin(multi, !strcmp(driver, "socket"));
    if(strcmp(mode, "alone")) {
      curl_multi_setopt(multi, CURLMOPT_PIPELINING, 1L);
      curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
      curl_multi_setopt(multi, CURLMOPT_MAX_PIPELINE_LENGTH, 100L);
    }
    if(!strcmp(mode, "shared")) {
      script.wait_for = last;
      origin_start(&script);
      add(multi, 0, port, script.tls, "GET");
      run_until_done(multi, 0, 1);
      add(multi, 1, port, script.tls, method);
      run_until_sent(multi, 2);
      for(i = 2; i < last; i++)
        add(multi, i, port, script.tls, "GET");
      run_until_done(multi, 1, last);
    }
    else {
      script.wait_for = 0;
      origin_start(&script);
      requests[0].easy = NULL;
      for(i = 1; i < last; i++) {
        add(multi, i, port, script.tls,
            i == 1 || !strcmp(method, "TUNNEL") ? method : "GET");
        if(!run_until_done(multi, 1, i + 1))
          last = i + 1;
      }
    }
    for(i = requests[0].easy ? 0 : 1; i < last; i++) {
      curl_multi_remove_handle(multi, requests[i].easy);
      curl_easy_cleanup(requests[i].easy);
    }
    curl_multi_cleanup(multi);
    printf("%d", origin_stop());
    say(1, last);
    printf("\n");
  }
  curl_global_cleanup();
  return 0;
}
