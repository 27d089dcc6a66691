/*
 * Tells which requests a libcurl pipelines.
 *
 *   unpipelined perform|socket
 *
 * A connection is made and used once. Then, for each kind of request below,
 * it is added before others ("first") or behind one ("behind"), and the origin
 * answers nothing until libcurl stops sending. Each gives one line:
 *
 *   KIND first|behind TOGETHER CODE/BODY CODE/BODY...
 *
 * TOGETHER is 1 if the request was on the connection together with another
 * one, each unanswered. CODE is what curl said, of the request of that kind
 * first, and BODY the body, with what is not printable as a dot.
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "drive.h"

#define OTHERS 3
#define CONNS 32
#define QUIET 5     /* rounds of 1 ms without a change until nothing more is
                       expected */
#define PATIENCE 25 /* times that nothing arrived until a request counts as
                       hung */

enum behind {
  GOES_ON,
  CLOSES,
  SENDS_BODY_LATE       /* when the next request has arrived */
};

/* a kind of request, and the origin's answer to it */
struct kind {
  const char *name;
  const char *method;   /* CURLOPT_CUSTOMREQUEST */
  long nobody;
  CURLoption option;    /* and its value: */
  long value;
  const char *item;     /* or that of a list */
  const char *answer;   /* NULL means the ordinary one */
  enum behind after;    /* what the origin does after it */
};

static const char icy[] = "ICY 200 OK\r\nContent-Length: 5\r\n\r\nhello";

static const struct kind kinds[] = {
  {"get", NULL, 0, 0, 0, NULL, NULL, GOES_ON},
  {"get-by-name", "GET", 0, 0, 0, NULL, NULL, GOES_ON},
  {"head", NULL, 1, 0, 0, NULL, NULL, GOES_ON},
  {"head-by-name", "HEAD", 1, 0, 0, NULL, NULL, GOES_ON},
  {"options", "OPTIONS", 0, 0, 0, NULL, NULL, GOES_ON},
  {"keep-alive", NULL, 0, CURLOPT_HTTPHEADER, 0, "Connection: keep-alive",
   NULL, GOES_ON},
  {"upgrade-insecure", NULL, 0, CURLOPT_HTTPHEADER, 0,
   "Upgrade-Insecure-Requests: 1", NULL, GOES_ON},
  {"delete", "DELETE", 0, 0, 0, NULL, NULL, GOES_ON},
  {"get-in-small-letters", "get", 0, 0, 0, NULL, NULL, GOES_ON},
  {"head-with-body", "HEAD", 0, 0, 0, NULL, NULL, CLOSES},
  {"get-without-body", "GET", 1, 0, 0, NULL, NULL, GOES_ON},
  {"get-without-late-body", "GET", 1, 0, 0, NULL, NULL, SENDS_BODY_LATE},
  {"options-without-body", "OPTIONS", 1, 0, 0, NULL, NULL, GOES_ON},
  {"ignored-length", NULL, 0, CURLOPT_IGNORE_CONTENT_LENGTH, 1, NULL, NULL,
   CLOSES},
  {"alias", NULL, 0, CURLOPT_HTTP200ALIASES, 0, "ICY 200", icy, GOES_ON},
  {"forbid-reuse", NULL, 0, CURLOPT_FORBID_REUSE, 1, NULL, NULL, GOES_ON},
  {"connect-only", NULL, 0, CURLOPT_CONNECT_ONLY, 1, NULL, NULL, GOES_ON},
  {"http-1.0", NULL, 0, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_0, NULL,
   NULL, GOES_ON},
  {"field-length", NULL, 0, CURLOPT_HTTPHEADER, 0, "Content-Length: 5",
   NULL, CLOSES},
  {"field-coding", NULL, 0, CURLOPT_HTTPHEADER, 0,
   "Transfer-Encoding: chunked", NULL, CLOSES},
  {"field-upgrade", NULL, 0, CURLOPT_HTTPHEADER, 0, "Upgrade: example",
   NULL, GOES_ON},
  {"field-close", NULL, 0, CURLOPT_HTTPHEADER, 0, "connection: Close",
   NULL, CLOSES},
  {"proxy-field-close", NULL, 0, CURLOPT_PROXYHEADER, 0, "Connection: close",
   NULL, GOES_ON}
};

struct request {
  CURL *easy;
  int code;             /* -1 until it is done */
  size_t size;
  char body[2000];
};

struct conn {
  int fd;
  size_t size;
  char in[20000];
  int waiting[OTHERS + 2]; /* requests that have not been answered */
  int is_head[OTHERS + 2];
  int count;
  char late[40];           /* sent before the next answer */
};

static struct request requests[OTHERS + 2];
static struct conn conns[CONNS];
static int conn_count;
static int listener;
static int port;
static const struct kind *kind;
static int arrived[OTHERS + 2];
static int together;
static int by_socket;

static void die(const char *what)
{
  perror(what);
  exit(3);
}

/* takes the complete requests, without waiting for their bodies */
static void origin_parse(struct conn *c)
{
  char *end;

  while((end = strstr(c->in, "\r\n\r\n")) != NULL) {
    int number;
    if(sscanf(c->in, "%*s /%d", &number) != 1 || number > OTHERS + 1)
      die(c->in);
    c->waiting[c->count] = number;
    c->is_head[c->count++] = !strncmp(c->in, "HEAD ", 5);
    arrived[number] = 1;
    end += 4;
    c->size -= (size_t)(end - c->in);
    memmove(c->in, end, c->size + 1);
    if(c->count > 1 && (c->waiting[0] == 1 || number == 1))
      together = 1;
  }
}

/* TRUE when something happened */
static int origin_step(void)
{
  static const int on = 1;
  int moved = 0;
  int i;
  int fd = accept(listener, NULL, NULL);

  if(fd >= 0) {
    if(conn_count == CONNS || fcntl(fd, F_SETFL, O_NONBLOCK) ||
       setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
      die("too many connections");
    memset(&conns[conn_count], 0, sizeof(conns[0]));
    conns[conn_count++].fd = fd;
    moved = 1;
  }
  for(i = 0; i < conn_count; i++) {
    struct conn *c = &conns[i];
    ssize_t got;
    if(c->fd < 0)
      continue;
    got = recv(c->fd, c->in + c->size, sizeof(c->in) - c->size - 1, 0);
    if(got > 0) {
      c->size += (size_t)got;
      c->in[c->size] = 0;
      origin_parse(c);
      moved = 1;
    }
    else if(!got) {
      close(c->fd);
      c->fd = -1;
      moved = 1;
    }
  }
  return moved;
}

/* answers all that has arrived, as an honest server does; FALSE if nothing
   has */
static int origin_answer(void)
{
  int any = 0;
  int i, n;

  for(i = 0; i < conn_count; i++) {
    struct conn *c = &conns[i];
    for(n = 0; c->fd >= 0 && n < c->count; n++) {
      char answer[300], body[40];
      const char *bytes = answer;
      int number = c->waiting[n];
      sprintf(body, "<body of request %02d>", number);
      sprintf(answer, "%sHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
              c->late, (int)strlen(body));
      c->late[0] = 0;
      if(number == 1 && kind->after == SENDS_BODY_LATE)
        strcpy(c->late, body);
      else if(!c->is_head[n])
        strcat(answer, body);
      if(number == 1 && kind->answer)
        bytes = kind->answer;
      if(send(c->fd, bytes, strlen(bytes), MSG_NOSIGNAL) < 0 ||
         (number == 1 && kind->after == CLOSES)) {
        close(c->fd);
        c->fd = -1;
      }
    }
    any |= c->count > 0;
    c->count = 0;
  }
  return any;
}

static size_t keep(char *bytes, size_t size, size_t count, void *user)
{
  struct request *r = user;
  size *= count;
  if(r->size + size > sizeof(r->body))
    return 0;
  memcpy(r->body + r->size, bytes, size);
  r->size += size;
  return size;
}

/* runs until nothing happens any more; TRUE when all requests are done */
static int run_until_quiet(CURLM *multi, int from, int to)
{
  int idle = 0;

  while(idle < QUIET) {
    CURLMsg *message;
    int left, i;
    int open = 0;
    int moved = origin_step();

    drive_step(multi);
    while((message = curl_multi_info_read(multi, &left)) != NULL) {
      struct request *r;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r);
      r->code = (int)message->data.result;
      moved = 1;
    }
    for(i = from; i < to; i++)
      open += requests[i].code < 0;
    if(!open)
      return 1;
    idle = moved ? 0 : idle + 1;
    if(idle > 2)
      poll(NULL, 0, 1);
  }
  return 0;
}

static struct curl_slist *add(CURLM *multi, int number, const struct kind *k)
{
  struct request *r = &requests[number];
  struct curl_slist *list = k->item ? curl_slist_append(NULL, k->item) : NULL;
  char url[100];

  sprintf(url, "http://127.0.0.1:%d/%d", port, number);
  r->easy = curl_easy_init();
  r->code = -1;
  r->size = 0;
  curl_easy_setopt(r->easy, CURLOPT_URL, url);
  curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(r->easy, CURLOPT_PROXY, "");
  curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
  curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
  curl_easy_setopt(r->easy, CURLOPT_NOBODY, k->nobody);
  if(k->method)
    curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, k->method);
  if(list)
    curl_easy_setopt(r->easy, k->option, list);
  else if(k->option)
    curl_easy_setopt(r->easy, k->option, k->value);
  curl_multi_add_handle(multi, r->easy);
  return list;
}

static void try_kind(int first)
{
  CURLM *multi = curl_multi_init();
  struct curl_slist *list;
  int i, rounds;

  conn_count = 0;
  together = 0;
  memset(arrived, 0, sizeof(arrived));
  drive_begin(multi, by_socket);
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, 1L);
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
  curl_multi_setopt(multi, CURLMOPT_MAX_PIPELINE_LENGTH, 100L);

  add(multi, 0, &kinds[0]);
  run_until_quiet(multi, 0, 1);
  origin_answer();
  run_until_quiet(multi, 0, 1);

  if(!first) {
    add(multi, 2, &kinds[0]);
    run_until_quiet(multi, 2, 3);
  }
  list = add(multi, 1, kind);
  run_until_quiet(multi, 1, 2);
  if(!first && requests[1].code >= 0)
    together = 1; /* the request was done on a connection that another one
                     waits for */
  for(i = first ? 2 : 3; i < OTHERS + 2; i++)
    add(multi, i, &kinds[0]);
  rounds = 0;
  while(!run_until_quiet(multi, 1, OTHERS + 2) && rounds < PATIENCE)
    rounds = origin_answer() ? 0 : rounds + 1;

  printf("%s %s %d", kind->name, first ? "first" : "behind", together);
  for(i = 0; i < OTHERS + 2; i++) {
    struct request *r = &requests[i];
    size_t n;
    if(i) {
      printf("|%d/", r->code);
      for(n = 0; n < r->size; n++)
        putchar(r->body[n] < 0x20 || r->body[n] > 0x7e ? '.' : r->body[n]);
    }
    curl_multi_remove_handle(multi, r->easy);
    curl_easy_cleanup(r->easy);
  }
  printf("\n");
  curl_slist_free_all(list);
  curl_multi_cleanup(multi);
  for(i = 0; i < conn_count; i++) {
    if(conns[i].fd >= 0)
      close(conns[i].fd);
  }
}

int main(int argc, char **argv)
{
  size_t i;

  if(argc != 2)
    return 2;
  by_socket = !strcmp(argv[1], "socket");
  setvbuf(stdout, NULL, _IOLBF, 0);
  curl_global_init(CURL_GLOBAL_ALL);
  listener = drive_listen(0, &port);
  if(listener < 0)
    die("listen");
  for(i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    kind = &kinds[i];
    try_kind(1);
    try_kind(0);
  }
  close(listener);
  curl_global_cleanup();
  return 0;
}
