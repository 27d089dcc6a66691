/*
 * Compares libcurl with a model of who owns a connection that pipelines.
 *
 *   ownership perform|socket FIRST LAST
 *
 * For each seed from FIRST to LAST, handles are added, removed, paused, reset,
 * timed out and aborted at random, and the origin answers in pieces, stalls,
 * closes and resets connections. All the while
 *
 * - requests arrive whole, and one that is not pipelined has its connection to
 *   itself;
 * - a handle gets the body that belongs to its own request, none of it twice,
 *   and nothing before the origin has begun to answer it;
 * - a handle ends once, and no callback comes before it is added, after its
 *   end or after it is removed;
 * - a handle that nobody harmed, whatever became of others, ends well;
 * - when the origin is honest again, everybody comes to an end;
 * - in the end no socket is left.
 *
 * It exits with 1 and names the seed if one of that does not hold.
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "drive.h"
#include "ownership.h"

#define STEPS 400
#define PATIENCE 2000    /* rounds of 1 ms until a handle counts as
                            forgotten */

struct handle handles[HANDLES];

static CURLM *multi;
static int by_socket;
static int sockets;      /* that libcurl has open */
static int next_id;
static unsigned int seed;
static unsigned int state;

unsigned int pick(unsigned int below)
{
  state = state * 1664525u + 1013904223u;
  return (state >> 8) % below;
}

void broken(const char *what, int id)
{
  printf("seed %u, request %d: %s\n", seed, id, what);
  exit(1);
}

size_t body_size(int id)
{
  return (size_t)(id * 2654435761u >> 7) % 3000;
}

char body_byte(int id, size_t at)
{
  char text[16];
  int size = sprintf(text, "%d|", id);
  return text[at % (size_t)size];
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
  struct handle *h = user;
  size_t i;

  size *= count;
  if(h->state != ADDED)
    broken("data for a handle that is not there", h->id);
  if(!h->calm && !pick(8)) {
    h->paused = 1;
    return CURL_WRITEFUNC_PAUSE;
  }
  if(!h->calm && !pick(40)) {
    h->harmed = 1;
    return 0;
  }
  if(!origin_answers(h->id))
    broken("data before the origin has answered", h->id);
  for(i = 0; i < size; i++) {
    if(bytes[i] != body_byte(h->id, h->got + i))
      broken("another one's data", h->id);
  }
  h->got += size;
  return size;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *user)
{
  struct handle *h = user;
  int id;

  if(h->state != ADDED)
    broken("a header for a handle that is not there", h->id);
  if(sscanf(bytes, "X-Id: %d", &id) == 1 && id != h->id)
    broken("another one's header", h->id);
  return size * count;
}

static curl_socket_t on_open(void *user, curlsocktype purpose,
                             struct curl_sockaddr *address)
{
  static const int buffer = 8192;
  curl_socket_t fd = socket(address->family, address->socktype,
                            address->protocol);
  (void)user;
  (void)purpose;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
  sockets++;
  return fd;
}

static int on_close(void *user, curl_socket_t fd)
{
  (void)user;
  sockets--;
  if(drive_by_socket && drive_what_for[fd])
    broken("a socket is closed and still to be watched", 0);
  return close(fd);
}

static void set_up(struct handle *h)
{
  char text[100];
  size_t pad = pick(6) ? pick(300) : pick(60000);
  char *field = malloc(pad + 8);

  h->id = ++next_id;
  h->got = 0;
  h->harmed = 0;
  h->paused = 0;
  h->kind = pick(8) ? (pick(6) ? GET : HEAD) : POST;
  curl_slist_free_all(h->fields);
  sprintf(text, "X-Id: %d", h->id);
  h->fields = curl_slist_append(NULL, text);
  strcpy(field, "X-Pad: ");
  memset(field + 7, 'x', pad);
  field[7 + pad] = 0;
  h->fields = curl_slist_append(h->fields, field);
  free(field);
  sprintf(text, "http://127.0.0.1:%d/%d", origin_port, h->id);
  curl_easy_setopt(h->easy, CURLOPT_URL, text);
  curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(h->easy, CURLOPT_PROXY, "");
  curl_easy_setopt(h->easy, CURLOPT_HTTPGET, 1L);
  curl_easy_setopt(h->easy, CURLOPT_NOBODY, h->kind == HEAD ? 1L : 0L);
  if(h->kind == POST) {
    curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE, (long)POST_SIZE);
    curl_easy_setopt(h->easy, CURLOPT_COPYPOSTFIELDS, POST_BODY);
  }
  curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->fields);
  curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
  curl_easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(h->easy, CURLOPT_HEADERDATA, h);
  curl_easy_setopt(h->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
  curl_easy_setopt(h->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
  curl_easy_setopt(h->easy, CURLOPT_PRIVATE, h);
  h->timed = !pick(12);
  curl_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS,
                   h->timed ? (long)(1 + pick(30)) : 0L);
}

static void collect(void)
{
  CURLMsg *message;
  int left;

  while((message = curl_multi_info_read(multi, &left)) != NULL) {
    struct handle *h = NULL;
    long status = 0;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&h);
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    if(h->state != ADDED)
      broken("it ends twice, or was removed", h->id);
    h->state = ENDED;
    if(!message->data.result) {
      if(status != 200)
        broken("it ends well without a response", h->id);
      if(h->kind != HEAD && h->got != body_size(h->id))
        broken("it ends well without all of its body", h->id);
    }
    else if(!h->harmed && !h->timed) {
      printf("%s: ", curl_easy_strerror(message->data.result));
      broken("it fails, and nobody harmed it", h->id);
    }
  }
}

/* TRUE when something happened */
static int client_step(void)
{
  int moved = drive_step(multi);

  collect();
  return moved;
}

static void drop(struct handle *h)
{
  if(h->state != FREE) {
    h->state = FREE; /* from now on nothing may arrive */
    curl_multi_remove_handle(multi, h->easy);
  }
}

static void resume(struct handle *h)
{
  int running;

  if(h->state == ADDED && h->paused) {
    h->paused = 0;
    if(curl_easy_pause(h->easy, CURLPAUSE_CONT))
      drop(h); /* the callback has aborted it, and libcurl sends no other
                  message */
    /* libcurl does not call the timer callback for what is still to do */
    if(drive_by_socket)
      curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}

void harm_all(void)
{
  int i;
  for(i = 0; i < HANDLES; i++)
    handles[i].harmed = 1;
}

static void client_act(struct handle *h)
{
  switch(pick(10)) {
  case 0:
    drop(h);
    break;
  case 1:
    if(h->state == FREE) {
      curl_easy_reset(h->easy);
      h->timed = 0;
    }
    break;
  case 2:
    if(h->state == FREE) {
      curl_easy_cleanup(h->easy);
      h->easy = curl_easy_init();
    }
    break;
  case 3:
  case 4:
    resume(h);
    break;
  default:
    if(h->state == ENDED)
      drop(h);
    if(h->state == FREE) {
      set_up(h);
      h->state = ADDED;
      curl_multi_add_handle(multi, h->easy);
    }
  }
}

static void run_seed(void)
{
  int i, idle;
  int open = 1;

  state = seed;
  next_id = 0;
  origin_begin();
  multi = curl_multi_init();
  drive_begin(multi, by_socket);
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, 1L);
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L + pick(2));
  curl_multi_setopt(multi, CURLMOPT_MAX_PIPELINE_LENGTH, 1L + pick(8));
  for(i = 0; i < HANDLES; i++) {
    memset(&handles[i], 0, sizeof(handles[i]));
    handles[i].easy = curl_easy_init();
  }
  for(i = 0; i < STEPS; i++) {
    if(!pick(3))
      client_act(&handles[pick(HANDLES)]);
    origin_step(0);
    client_step();
    if(!pick(20))
      poll(NULL, 0, 1);
  }
  for(idle = 0; open; idle++) {
    open = 0;
    for(i = 0; i < HANDLES; i++) {
      handles[i].calm = 1;
      resume(&handles[i]);
      open |= handles[i].state == ADDED;
    }
    if(origin_step(1) | client_step())
      idle = 0;
    else if(idle > 5)
      poll(NULL, 0, 1);
    if(idle > PATIENCE)
      break;
  }
  for(i = 0; i < HANDLES; i++) {
    if(handles[i].state == ADDED)
      broken("it sleeps", handles[i].id);
    drop(&handles[i]);
    curl_easy_cleanup(handles[i].easy);
    curl_slist_free_all(handles[i].fields);
  }
  curl_multi_cleanup(multi);
  origin_end();
  if(sockets)
    broken("a socket is left", 0);
}

int main(int argc, char **argv)
{
  unsigned int last;

  if(argc != 4)
    return 2;
  by_socket = !strcmp(argv[1], "socket");
  last = (unsigned int)atoi(argv[3]);
  curl_global_init(CURL_GLOBAL_ALL);
  for(seed = (unsigned int)atoi(argv[2]); seed <= last; seed++)
    run_seed();
  curl_global_cleanup();
  return 0;
}
