/* see proof.h */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "proof.h"

#define QUIET 30          /* rounds of 1 ms in which nothing happens */
#define PATIENCE 3000     /* rounds of 1 ms until a request hangs */
#define ROOM 9000000      /* bytes of a connection that are kept */

CURLM *multi;
int port;
int number;
struct conn conns[MAX_CONNS];
int conn_count;
int server_buffer;
int client_buffer;

static int listener;
static struct request *requests[MAX_REQUESTS];
static int request_count;

void unreachable(const char *why)
{
  perror(why);
  exit(2);
}

int verdict(int right, const char *what)
{
  printf("%s: %s\n", what, right ? "as it should be" : "wrong");
  return right ? 0 : 1;
}

void begin(int argc, char **argv)
{
  if(argc != 3)
    unreachable("PROGRAM perform|socket NUMBER");
  number = atoi(argv[2]);
  listener = drive_listen(server_buffer, &port);
  if(listener < 0)
    unreachable("listen");
  multi = curl_multi_init();
  drive_begin(multi, !strcmp(argv[1], "socket"));
}

void pipelining(long length)
{
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, 1L);
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
  curl_multi_setopt(multi, CURLMOPT_MAX_PIPELINE_LENGTH, length);
}

static size_t keep(char *bytes, size_t size, size_t count, void *user)
{
  struct request *r = user;
  size *= count;
  if(r->size + size < sizeof(r->body))
    memcpy(r->body + r->size, bytes, size);
  r->size += size;
  return size;
}

static int on_sockopt(void *user, curl_socket_t fd, curlsocktype purpose)
{
  (void)user;
  (void)purpose;
  return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &client_buffer,
                    sizeof(client_buffer)) ? 1 : 0;
}

struct request *request(const char *path)
{
  struct request *r = calloc(1, sizeof(*r));
  char url[200];

  sprintf(url, "http://127.0.0.1:%d%.100s", port, path);
  r->easy = curl_easy_init();
  curl_easy_setopt(r->easy, CURLOPT_URL, url);
  curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(r->easy, CURLOPT_PROXY, "");
  curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
  curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
  if(client_buffer)
    curl_easy_setopt(r->easy, CURLOPT_SOCKOPTFUNCTION, on_sockopt);
  requests[request_count++] = r;
  return r;
}

void add(struct request *r)
{
  curl_multi_add_handle(multi, r->easy);
  turn(); /* it takes its place before another one is added */
  turn();
}

void header(struct request *r, const char *line)
{
  r->fields = curl_slist_append(r->fields, line);
  curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->fields);
}

void large(struct request *r, size_t size)
{
  char *line = malloc(size + 10);
  strcpy(line, "X-Large: ");
  memset(line + 9, 'x', size);
  line[9 + size] = 0;
  header(r, line);
  free(line);
}

static int read_conn(struct conn *c)
{
  size_t most = ROOM - 1 - c->size;
  ssize_t got;

  if(c->limit && c->size + most > c->limit)
    most = c->limit - c->size;
  if(c->fd < 0 || c->stalled || !most)
    return 0;
  got = recv(c->fd, c->in + c->size, most, 0);
  if(got > 0) {
    char *p = c->in + (c->size > 3 ? c->size - 3 : 0);
    c->size += (size_t)got;
    c->in[c->size] = 0;
    for(; (p = strstr(p, "\r\n\r\n")) != NULL; p++)
      c->requests++;
    return 1;
  }
  if(!got)
    close_conn(c);
  return !got;
}

int turn(void)
{
  static const int on = 1;
  CURLMsg *message;
  int left, i;
  int moved = 0;
  int fd = accept(listener, NULL, NULL);

  if(fd >= 0) {
    if(conn_count == MAX_CONNS || fcntl(fd, F_SETFL, O_NONBLOCK) ||
       setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
      unreachable("too many connections");
    conns[conn_count].in = calloc(1, ROOM);
    conns[conn_count++].fd = fd;
    moved = 1;
  }
  for(i = 0; i < conn_count; i++)
    moved |= read_conn(&conns[i]);
  drive_step(multi);
  while((message = curl_multi_info_read(multi, &left)) != NULL) {
    struct request *r;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r);
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE,
                      &r->status);
    r->done++;
    r->result = message->data.result;
    moved = 1;
  }
  return moved;
}

void settle(void)
{
  int idle = 0;
  while(idle < QUIET) {
    idle = turn() ? 0 : idle + 1;
    if(idle > 3)
      poll(NULL, 0, 1);
  }
}

int until_done(struct request *r)
{
  int rounds;
  for(rounds = 0; !r->done && rounds < PATIENCE; rounds++) {
    if(!turn())
      poll(NULL, 0, 1);
  }
  return r->done;
}

void pass_time(long ms)
{
  long end = drive_now_ms() + ms;
  while(drive_now_ms() < end) {
    if(!turn())
      poll(NULL, 0, 1);
  }
}

void drain(struct conn *c)
{
  struct pollfd p;
  p.fd = c->fd;
  p.events = POLLIN;
  while(poll(&p, 1, 50) > 0 && read_conn(c))
    ;
}

int arrived(struct conn *c)
{
  return c->requests > c->answered;
}

void answer(struct conn *c, const char *text)
{
  if(!arrived(c))
    unreachable("the origin has no request to answer");
  c->answered++;
  if(send(c->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
    unreachable("send");
}

void reply(struct conn *c, const char *body)
{
  char text[2000];
  sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%.1900s",
          (int)strlen(body), body);
  answer(c, text);
}

void close_conn(struct conn *c)
{
  if(c->fd >= 0)
    close(c->fd);
  c->fd = -1;
}

void reset(struct conn *c)
{
  struct linger off = {1, 0};
  setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
  close_conn(c);
}

struct conn *warm(void)
{
  struct request *r = request("/warm");
  add(r);
  settle();
  reply(&conns[conn_count - 1], "warm");
  settle();
  if(!r->done || r->result)
    unreachable("the first request was not answered");
  curl_multi_remove_handle(multi, r->easy);
  return &conns[conn_count - 1];
}

void clean_up(void)
{
  int i;
  for(i = 0; i < request_count; i++) {
    curl_multi_remove_handle(multi, requests[i]->easy);
    curl_easy_cleanup(requests[i]->easy);
    curl_slist_free_all(requests[i]->fields);
  }
  curl_multi_cleanup(multi);
  curl_global_cleanup();
}
