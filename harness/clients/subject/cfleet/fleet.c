/*
 * Many clients in one thread. Each has a multi handle, and all share an epoll
 * set. curl_multi_socket_action() is called for the client whose socket is
 * ready or whose timer has expired.
 */

#include "fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 256
#define NS_PER_MS 1000000LL
#define NO_TIMER (-1LL)
#define LONGEST_WAIT_MS 100

long long now_ns(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}

void fleet_stop(struct fleet *fleet, const char *what, const char *why)
{
  if(!fleet->failed_call) {
    fleet->failed_call = what;
    fleet->failed_why = why;
  }
}

/* CURLMOPT_SOCKETFUNCTION */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user,
                     void *unused)
{
  struct client *client = user;
  struct fleet *fleet = client->fleet;
  struct epoll_event event = {
    .events = (what & CURL_POLL_IN ? EPOLLIN : 0) |
      (what & CURL_POLL_OUT ? EPOLLOUT : 0)
  };

  (void)easy;
  (void)unused;
  event.data.u64 = (uint64_t)(client - fleet->clients) << 32 |
    (uint32_t)socket;
  if(what == CURL_POLL_REMOVE)
    epoll_ctl(fleet->epoll_fd, EPOLL_CTL_DEL, socket, &event);
  else if(epoll_ctl(fleet->epoll_fd, EPOLL_CTL_MOD, socket, &event) &&
          (errno != ENOENT ||
           epoll_ctl(fleet->epoll_fd, EPOLL_CTL_ADD, socket, &event)) &&
          errno != EBADF) /* stock waits for sockets that it has already
                             closed */
    fleet_stop(fleet, "epoll_ctl", strerror(errno));
  return 0;
}

/* CURLMOPT_TIMERFUNCTION. Must not call into the multi handle itself. */
static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
  struct client *client = user;

  (void)multi;
  client->fleet->timers_ns[client - client->fleet->clients] =
    timeout_ms < 0 ? NO_TIMER : now_ns() + timeout_ms * NS_PER_MS;
  return 0;
}

static bool client_open(struct client *client)
{
  const struct options *options = client->fleet->options;
  long i;

  client->multi = curl_multi_init();
  client->slots = calloc((size_t)options->depth, sizeof(*client->slots));
  if(!client->multi || !client->slots ||
     curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, 1L) ||
     curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L) ||
     curl_multi_setopt(client->multi, CURLMOPT_MAX_PIPELINE_LENGTH,
                       options->depth) ||
     curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket) ||
     curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client) ||
     curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer) ||
     curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client))
    return false;
  for(i = 0; i < options->depth; i++) {
    if(!slot_open(&client->slots[i], client))
      return false;
  }
  return true;
}

bool fleet_open(struct fleet *fleet, const struct options *options)
{
  static const char name[] = "X-Padding: ";
  char *header = malloc(sizeof(name) + (size_t)options->padding);
  long i;

  memset(fleet, 0, sizeof(*fleet));
  fleet->options = options;
  fleet->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  fleet->clients = calloc((size_t)options->clients, sizeof(*fleet->clients));
  fleet->timers_ns = calloc((size_t)options->clients,
                            sizeof(*fleet->timers_ns));
  if(!header || fleet->epoll_fd < 0 || !fleet->clients || !fleet->timers_ns) {
    free(header);
    return false;
  }
  memcpy(header, name, sizeof(name));
  memset(header + strlen(name), 'x', (size_t)options->padding);
  header[strlen(name) + (size_t)options->padding] = 0;
  if(options->padding)
    fleet->headers = curl_slist_append(NULL, header);
  free(header);
  for(i = 0; i < options->clients; i++) {
    fleet->clients[i].fleet = fleet;
    fleet->clients[i].number = options->first + i;
    fleet->timers_ns[i] = NO_TIMER;
    if(!client_open(&fleet->clients[i]))
      return false;
  }
  return true;
}

/* Makes the client's next request. A request that libcurl refuses, as stock
   does when it has lost track of a handle, counts as failed. */
static void begin(struct slot *slot)
{
  struct client *client = slot->client;

  while(client->begun < client->fleet->may_begin && !slot_begin(slot)) {
    client->begun++;
    slot_end(slot, CURLE_FAILED_INIT, 0);
  }
}

/* Handles the requests that have ended, and makes the next one on each
   handle. */
static void collect(struct client *client)
{
  CURLMsg *message;
  int left;

  while((message = curl_multi_info_read(client->multi, &left))) {
    struct slot *slot = NULL;
    long status = 0;

    if(message->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    slot_end(slot, message->data.result, status);
    begin(slot);
  }
}

static void call(struct client *client, curl_socket_t socket, int bits)
{
  int running;
  CURLMcode code = curl_multi_socket_action(client->multi, socket, bits,
                                            &running);

  if(code)
    fleet_stop(client->fleet, "curl_multi_socket_action",
               curl_multi_strerror(code));
  collect(client);
}

/* Makes a client give up its requests if none of them has ended for too long,
   and go on. Stock libcurl has handles that nothing ever wakes, and none of
   its timeouts would end them. */
static void give_up_stalled(struct client *client, long long now)
{
  const struct options *options = client->fleet->options;
  long long patience = options->stall_seconds * 1000 * NS_PER_MS;
  long i;

  if(client->ended == client->begun || now < client->moved_ns + patience)
    return;
  for(i = 0; i < options->depth; i++) {
    if(client->slots[i].under_way)
      slot_give_up(&client->slots[i]);
  }
  for(i = 0; i < options->depth; i++)
    begin(&client->slots[i]);
}

/* Calls the clients whose timers have expired, and returns how long to wait
   for the next timer. The timers are in one small array; checking all of them
   costs less than the system call that follows. */
static int call_expired(struct fleet *fleet)
{
  long long now = now_ns();
  long long wait = LONGEST_WAIT_MS * NS_PER_MS;
  long i;

  for(i = 0; i < fleet->options->clients; i++) {
    if(fleet->timers_ns[i] != NO_TIMER && fleet->timers_ns[i] <= now) {
      fleet->timers_ns[i] = NO_TIMER; /* the call may set it */
      call(&fleet->clients[i], CURL_SOCKET_TIMEOUT, 0);
    }
    if(fleet->timers_ns[i] != NO_TIMER && fleet->timers_ns[i] - now < wait)
      wait = fleet->timers_ns[i] - now;
    give_up_stalled(&fleet->clients[i], now);
  }
  return wait <= 0 ? 0 : (int)((wait + NS_PER_MS - 1) / NS_PER_MS);
}

static void call_ready(struct fleet *fleet, int wait_ms)
{
  struct epoll_event events[EVENTS_AT_ONCE];
  int count = epoll_wait(fleet->epoll_fd, events, EVENTS_AT_ONCE, wait_ms);
  int i;

  if(count < 0 && errno != EINTR)
    fleet_stop(fleet, "epoll_wait", strerror(errno));
  for(i = 0; i < count; i++)
    call(&fleet->clients[events[i].data.u64 >> 32],
         (curl_socket_t)(uint32_t)events[i].data.u64,
         (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
         (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
         (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0));
}

void fleet_run(struct fleet *fleet, long upto)
{
  const struct options *options = fleet->options;
  long i, j;

  fleet->may_begin = upto;
  for(i = 0; i < options->clients; i++) {
    for(j = 0; j < options->depth; j++)
      begin(&fleet->clients[i].slots[j]);
  }
  while(!fleet->failed_call && fleet->ended < upto * options->clients)
    call_ready(fleet, call_expired(fleet));
}

void fleet_close(struct fleet *fleet)
{
  long i, j;

  for(i = 0; fleet->clients && i < fleet->options->clients; i++) {
    struct client *client = &fleet->clients[i];

    if(!client->multi)
      break;
    for(j = 0; client->slots && j < fleet->options->depth; j++)
      slot_close(&client->slots[j]);
    curl_multi_cleanup(client->multi);
    free(client->slots);
  }
  curl_slist_free_all(fleet->headers);
  free(fleet->clients);
  free(fleet->timers_ns);
  if(fleet->epoll_fd >= 0)
    close(fleet->epoll_fd);
}
