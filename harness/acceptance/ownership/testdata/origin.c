/*
 * The origin of the model. It answers in the thread of the client, in pieces,
 * in several forms, and not always.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "drive.h"
#include "ownership.h"

#define CONNS 400
#define ROOM 400000
#define QUEUE 64
#define IDS 4096

struct conn {
  int fd;                /* -1 once it is closed */
  int half;              /* nothing more is sent on the connection */
  char *in;
  size_t in_size;
  int ids[QUEUE];        /* requests that have not been answered completely */
  enum kind kinds[QUEUE];
  int count;
  char *out;             /* the rest of the first one's response */
  size_t out_size;
  size_t out_sent;
  int last;              /* the connection ends after it */
};

int origin_port;
static struct conn conns[CONNS];
static int conn_count;
static int listener = -1;
static char begun[IDS]; /* TRUE if the answer to a request has begun */

int origin_answers(int id)
{
  return begun[id];
}

static void die(const char *what)
{
  perror(what);
  exit(3);
}

void origin_begin(void)
{
  listener = drive_listen(4096, &origin_port);
  if(listener < 0)
    die("listen");
  conn_count = 0;
  memset(begun, 0, sizeof(begun));
}

static void conn_close(struct conn *c)
{
  if(c->fd >= 0)
    close(c->fd);
  free(c->in);
  free(c->out);
  memset(c, 0, sizeof(*c));
  c->fd = -1;
}

void origin_end(void)
{
  int i;
  for(i = 0; i < conn_count; i++)
    conn_close(&conns[i]);
  close(listener);
}

/* takes a request out of what has arrived; TRUE if one was complete */
static int parse(struct conn *c)
{
  char *end = strstr(c->in, "\r\n\r\n");
  char *field = strstr(c->in, "X-Id: ");
  char method[8];
  enum kind kind;
  size_t size;
  int id, named;

  if(!end)
    return 0;
  if(sscanf(c->in, "%7s /%d HTTP/1.1\r", method, &id) != 2 || !field ||
     field > end || sscanf(field, "X-Id: %d", &named) != 1 || named != id ||
     (strstr(field + 1, "X-Id: ") && strstr(field + 1, "X-Id: ") < end))
    broken("a request is not whole", c->count ? c->ids[0] : 0);
  kind = !strcmp(method, "GET") ? GET : !strcmp(method, "HEAD") ? HEAD : POST;
  size = (size_t)(end + 4 - c->in);
  if(kind == POST) {
    if(c->in_size < size + POST_SIZE)
      return 0;
    if(memcmp(c->in + size, POST_BODY, POST_SIZE))
      broken("a body of a request is not whole", id);
    size += POST_SIZE;
  }
  c->in_size -= size;
  memmove(c->in, c->in + size, c->in_size + 1);
  if(c->count && (kind == POST || c->kinds[0] == POST))
    broken("a POST is pipelined", id);
  if(c->count == QUEUE)
    die("too many requests");
  c->kinds[c->count] = kind;
  c->ids[c->count++] = id;
  return 1;
}

static int receive(struct conn *c, int honest)
{
  size_t most = honest ? ROOM : pick(6000);
  ssize_t got;

  if(most > ROOM - 1 - c->in_size)
    most = ROOM - 1 - c->in_size;
  if(!most)
    return 0;
  got = recv(c->fd, c->in + c->in_size, most, 0);
  if(got < 0 && errno == EAGAIN)
    return 0;
  if(got <= 0) {
    conn_close(c);
    return 1;
  }
  c->in_size += (size_t)got;
  c->in[c->in_size] = 0;
  if(c->half)
    c->in_size = 0; /* these are never answered */
  while(c->in_size && parse(c))
    ;
  return 1;
}

/* makes the response to the first request on a connection */
static void respond(struct conn *c)
{
  static const char *const ends[] = {"", "Connection: close\r\n"};
  int id = c->ids[0];
  size_t size = body_size(id);
  int form = (int)pick(4);
  char *p;
  size_t i;

  c->last = !pick(12);
  c->out = malloc(size * 8 + 1000);
  p = c->out;
  if(!pick(6))
    p += sprintf(p, "HTTP/1.1 102 Processing\r\nX-Id: %d\r\n\r\n", id);
  p += sprintf(p, "HTTP/1.1 200 OK\r\nX-Id: %d\r\n%s", id, ends[c->last]);
  p += form ? sprintf(p, "Content-Length: %d\r\n\r\n", (int)size) :
    sprintf(p, "Transfer-Encoding: chunked\r\n\r\n");
  for(i = 0; i < size && c->kinds[0] != HEAD; i++) {
    if(!form)
      p += sprintf(p, "1\r\n");
    *p++ = body_byte(id, i);
    if(!form)
      p += sprintf(p, "\r\n");
  }
  if(!form && c->kinds[0] != HEAD)
    p += sprintf(p, "0\r\n\r\n");
  c->out_size = (size_t)(p - c->out);
  c->out_sent = 0;
}

static int transmit(struct conn *c, int honest)
{
  size_t most = c->out_size - c->out_sent;
  ssize_t n;

  if(!honest && most > 1)
    most = 1 + pick((unsigned int)most);
  begun[c->ids[0]] = 1;
  n = send(c->fd, c->out + c->out_sent, most, MSG_NOSIGNAL);
  if(n < 0 && errno == EAGAIN)
    return 0;
  if(n < 0) {
    conn_close(c);
    return 1;
  }
  c->out_sent += (size_t)n;
  if(c->out_sent == c->out_size) {
    free(c->out);
    c->out = NULL;
    c->count--;
    memmove(c->ids, c->ids + 1, sizeof(c->ids) - sizeof(c->ids[0]));
    memmove(c->kinds, c->kinds + 1, sizeof(c->kinds) - sizeof(c->kinds[0]));
    if(c->last) {
      shutdown(c->fd, SHUT_WR);
      c->half = 1;
      c->count = 0;
    }
  }
  return 1;
}

static void harm(struct conn *c)
{
  struct linger off = {1, 0};

  if(pick(2))
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
  harm_all();
  conn_close(c);
}

int origin_step(int honest)
{
  static const int on = 1;
  int moved = 0;
  int i;
  int fd = accept(listener, NULL, NULL);

  if(fd >= 0) {
    struct conn *c = &conns[conn_count++];
    if(conn_count == CONNS || fcntl(fd, F_SETFL, O_NONBLOCK) ||
       setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
      die("too many connections");
    memset(c, 0, sizeof(*c));
    c->fd = fd;
    c->in = calloc(1, ROOM);
    moved = 1;
  }
  for(i = 0; i < conn_count; i++) {
    struct conn *c = &conns[i];
    if(c->fd >= 0 && (honest || pick(3)))
      moved |= receive(c, honest);
    if(c->fd >= 0 && c->count && !c->out && (honest || !pick(3))) {
      respond(c);
      moved = 1;
    }
    if(c->fd >= 0 && c->out && (honest || pick(2)))
      moved |= transmit(c, honest);
    if(c->fd >= 0 && !honest && !pick(150))
      harm(c);
  }
  return moved;
}
