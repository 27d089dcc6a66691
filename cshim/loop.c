/*
 * loop.c: the event loop. Submits a batch and drives libcurl with the events
 * that its poller reports.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"

/* sleep_state: a waker that finds ASLEEP has to end the sleep. One that finds
   AWAKE sets WOKEN, and the loop does not go to sleep. */
#define SLEEP_AWAKE 0
#define SLEEP_ASLEEP 1
#define SLEEP_WOKEN 2

/* Sockets handled after each wait; the next wait returns the others. */
#define EVENTS 64

/* libcurl's timer may expire again and again while it works through a
   pipeline. After this many times in a row, check the sockets all the same. */
#define TIMER_ROUNDS 64

/* The same, after this many milliseconds. */
#define TIMER_TIME 5

/* The same, after this many rounds over what was read ahead. */
#define INPUT_ROUNDS 64

/* When there is something to report, or time is up, check the sockets up to
   this many times before returning, so that results that arrive together are
   returned together. */
#define LAST_ROUNDS 16

void loop_count(struct cshim_loop *loop, enum cshim_counter which,
                uint64_t by)
{
  /* only the loop's own thread writes */
  uint64_t count = atomic_load_explicit(&loop->counters[which],
                                        memory_order_relaxed);
  atomic_store_explicit(&loop->counters[which], count + by,
                        memory_order_relaxed);
}

uint64_t cshim_loop_count(const struct cshim_loop *loop,
                          enum cshim_counter which)
{
  return atomic_load_explicit(&loop->counters[which], memory_order_relaxed);
}

/* Multi handles do not share TLS sessions by themselves. */
static bool make_share(struct cshim_loop *loop)
{
  loop->share = curl_share_init();
  return loop->share &&
         !curl_share_setopt(loop->share, CURLSHOPT_SHARE,
                            CURL_LOCK_DATA_SSL_SESSION);
}

struct cshim_loop *cshim_loop_new(const struct cshim_limits *limits)
{
  struct cshim_loop *loop = calloc(1, sizeof(*loop));
  int failure = ENOMEM;

  if(!loop)
    return NULL;
  loop->limits = *limits;
  loop->libcurl = curl_version_info(CURLVERSION_NOW)->version_num;
  loop->key_log = -1;
  if(limits->ca_file) {
    loop->ca_file = strdup(limits->ca_file);
    if(!loop->ca_file)
      goto fail;
  }
  loop->limits.ca_file = NULL; /* the caller's */
  loop->poller = poller_new();
  if(!loop->poller) {
    failure = errno;
    goto fail;
  }
  loop->results = calloc(CSHIM_MAX_BATCH, sizeof(*loop->results));
  if(!loop->results || !make_share(loop))
    goto fail;
  return loop;

fail:
  cshim_loop_free(loop);
  errno = failure;
  return NULL;
}

void cshim_loop_close(struct cshim_loop *loop)
{
  uint32_t i;
  for(i = 0; i < loop->connection_count; i++) {
    if(loop->connections[i])
      cshim_loop_disconnect(loop, i);
  }
}

void cshim_loop_free(struct cshim_loop *loop)
{
  uint32_t i;
  if(!loop)
    return;
  cshim_loop_close(loop);
  for(i = 0; i < loop->slot_count; i++) {
    if(loop->slots[i])
      transfer_free(loop->slots[i]);
  }
  connection_free_retired(loop);
  buffer_free_spares(loop);
  curl_share_cleanup(loop->share);
  authorities_leave(loop);
  free(loop->ca_file);
  free(loop->slots);
  free(loop->connections);
  free(loop->connection_news);
  free(loop->results);
  poller_free(loop->poller);
  free(loop);
}

bool cshim_is_private(void *easy)
{
  char *private = NULL;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
  return private != NULL;
}

int cshim_loop_attach(struct cshim_loop *loop, void *easy)
{
  uint32_t slot = loop->free_from;
  if(cshim_is_private(easy))
    return -EBUSY;
  while(slot < loop->slot_count && loop->slots[slot])
    slot++;
  loop->free_from = slot;
  if(slot == loop->slot_count) {
    struct transfer **slots = realloc(loop->slots,
                                      (slot + 1) * sizeof(*slots));
    if(!slots)
      return -ENOMEM;
    loop->slots = slots;
    loop->slots[loop->slot_count++] = NULL;
  }
  loop->slots[slot] = transfer_new(loop, easy, slot);
  return loop->slots[slot] ? (int)slot : -ENOMEM;
}

void cshim_loop_detach(struct cshim_loop *loop, uint32_t slot)
{
  struct transfer *transfer = loop->slots[slot];
  if(!transfer)
    return;
  if(transfer->state == TRANSFER_ACTIVE)
    connection_remove(transfer);
  transfer_free(transfer);
  loop->slots[slot] = NULL;
  if(slot < loop->free_from)
    loop->free_from = slot;
}

/* Has libcurl act on a connection. */
void loop_act(struct connection *connection, curl_socket_t socket, int bits)
{
  int running;
  CURLMcode code;
  struct connection *before;
  if(connection->over)
    return;
  connection_touch(connection);
  watch_futile(connection, false);
  before = http2_enter(connection);
  code = curl_multi_socket_action(connection->multi, socket, bits, &running);
  http2_leave(before);
  if(code && code != CURLM_BAD_SOCKET)
    connection->over = true;
}

/* Submits one request. A request that libcurl refuses is finished at once. The
   handle gets its first turn here, because libcurl serves the youngest of
   several expired timers first, and would send the requests in reverse. */
static void submit(struct cshim_loop *loop,
                   const struct cshim_request *request, const char *text)
{
  struct transfer *transfer = loop->slots[request->slot];
  struct connection *connection = loop->connections[request->connection];
  CURLcode code = request->flags & CSHIM_REQUEST_AGAIN ?
                  request_again(transfer, request->flags, connection) :
                  request_prepare(transfer, request, connection, text);
  if(!code && !socket_prepare(transfer, connection))
    code = CURLE_OUT_OF_MEMORY;
  if(!code && !connection->first && !rest_is_quiet(connection, transfer)) {
    connection->over = true;
    connection_touch(connection);
  }
  if(!transfer_fits(transfer, connection))
    code = CURLE_BAD_FUNCTION_ARGUMENT; /* see CSHIM_RESULT_HTTP2_ONLY */
  if(!code && !connection->over) {
    CURLMcode refused = connection_add(connection, transfer);
    if(!refused) {
      connection->timer_set = false;
      connection->looks = 0;
      loop_act(connection, CURL_SOCKET_TIMEOUT, 0);
      return;
    }
    strncpy(transfer->detail, curl_multi_strerror(refused),
            sizeof(transfer->detail) - 1);
    code = CURLE_FAILED_INIT;
  }
  if(!code) {
    /* it closed at rest, and the caller has not been told yet */
    transfer->result_flags |= CSHIM_RESULT_LOST;
    code = CURLE_GOT_NOTHING;
  }
  results_add(transfer, code);
}

static void next_turn(struct cshim_loop *loop)
{
  loop->turn++;
  loop->held_back = false;
}

static void act_on_timer(struct connection *connection)
{
  int64_t until = 0;
  int round;
  for(round = 0; round < TIMER_ROUNDS && connection->timer_set; round++) {
    int64_t now = connection->timer_at || round ? watch_now_ms() : 0;
    if(connection->timer_at > now)
      return;
    if(!round)
      until = now ? now + TIMER_TIME : 0;
    else if(!until)
      until = now + TIMER_TIME;
    else if(now > until)
      return; /* otherwise a peer could keep the loop busy for ever */
    connection->timer_set = false;
    loop_act(connection, CURL_SOCKET_TIMEOUT, 0);
  }
}

static void act_on_timers(struct cshim_loop *loop)
{
  struct connection *connection = loop->active;
  for(; connection; connection = connection->next) {
    if(connection->look_at && connection->look_at <= watch_now_ms()) {
      connection->look_at = 0;
      loop_act(connection, connection->socket, CURL_CSELECT_IN);
    }
    if(connection->timer_set)
      act_on_timer(connection);
  }
}

/* What was written on an HTTP/2 connection: the number grows with it. */
static uint64_t written_on(struct connection *connection)
{
  if(!connection->session)
    return 0;
  return connection->tls ? connection->writes : system_written(connection);
}

/* Tells libcurl of readable and writable separately. Told of both at once, it
   hands both to the first transfer in the send pipe, and the transfer that
   waits for its response may miss it. An error alone is reported as both, so
   that the next read or write finds it. A connection at rest that reports its
   end was closed by the server. */
static void act_on_socket(struct connection *connection, uint32_t events)
{
  curl_socket_t socket = connection->socket;
  if(connection->over)
    return;
  if(events & READY_IN)
    connection->moves++;
  connection->looks = 0;
  connection->look_at = 0;
  if(!connection->first) {
    if(events == READY_IN && rest_may_go_on(connection))
      return;
    connection_end(connection);
    connection_touch(connection);
    return;
  }
  if(!(events & (READY_IN | READY_OUT)))
    events = READY_IN | READY_OUT;
  if(events & READY_IN)
    wake_readers(connection);
  if((events & READY_OUT) && !connection->over) {
    uint64_t written = written_on(connection);
    bio_writable(connection);
    loop_act(connection, socket, CURL_CSELECT_OUT);
    watch_futile(connection, connection->session && !connection->over &&
                             written_on(connection) == written);
  }
}

/* No poll sees what was read ahead of libcurl, so libcurl is called for as
   long as it takes any of it. Returns whether it may take more. */
static bool act_on_input(struct cshim_loop *loop)
{
  int round;
  for(round = 0; round < INPUT_ROUNDS; round++) {
    uint64_t before = loop->input_taken;
    struct connection *connection = bio_first_input(loop);
    for(; connection; connection = bio_next_input(loop)) {
      wake_readers(connection);
      act_on_timer(connection);
    }
    if(loop->input_taken == before)
      return false;
  }
  return true;
}

/* How long to sleep, in milliseconds: until the first timer expires, at most
   wait_ms. */
static int sleep_time(const struct cshim_loop *loop, int wait_ms)
{
  const struct connection *connection = loop->active;
  int64_t first = -1;
  int64_t left;
  for(; connection; connection = connection->next) {
    if(connection->timer_set && (first < 0 || connection->timer_at < first))
      first = connection->timer_at;
    if(connection->look_at && (first < 0 || connection->look_at < first))
      first = connection->look_at;
  }
  if(first < 0)
    return wait_ms;
  left = first ? first - watch_now_ms() : 0;
  if(left < 0)
    left = 0;
  if(wait_ms >= 0 && left > wait_ms)
    return wait_ms;
  return left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Waits for events and acts on them. Returns how many there were, and sets
   *woken if cshim_loop_wake() was called. */
static int wait_and_act(struct cshim_loop *loop, int wait_ms, bool *woken)
{
  struct ready ready[EVENTS];
  int expected = SLEEP_AWAKE;
  int count;
  int i;

  watch_apply(loop);
  if(wait_ms && !loop->active)
    buffer_free_spares(loop); /* it may sleep for long */
  if(wait_ms &&
     !atomic_compare_exchange_strong(&loop->sleep_state, &expected,
                                     SLEEP_ASLEEP))
    wait_ms = 0;
  count = poller_wait(loop->poller, ready, EVENTS, wait_ms);
  next_turn(loop);
  if(atomic_exchange(&loop->sleep_state, SLEEP_AWAKE) == SLEEP_WOKEN)
    *woken = true;
  if(count < 0)
    loop->failure = count;
  for(i = 0; i < count; i++)
    act_on_socket(ready[i].connection, ready[i].events);
  return count;
}

int cshim_loop_run(struct cshim_loop *loop,
                   const struct cshim_request *requests, size_t count,
                   const char *text, int wait_ms)
{
  int64_t deadline = wait_ms >= 0 ? watch_now_ms() + wait_ms : INT64_MAX;
  bool woken = false;
  int rounds = 0; /* rounds since it is time to return */
  size_t i;

  results_forget(loop);
  next_turn(loop);
  for(i = 0; i < count; i++)
    submit(loop, &requests[i], text);

  for(;;) {
    int events;
    int64_t left = -1;
    bool more;
    bool any;
    act_on_timers(loop);
    more = act_on_input(loop) || loop->held_back;
    results_gather(loop);
    bio_settle(loop);
    if(loop->failure)
      return loop->failure;
    any = results_any(loop);
    if(wait_ms >= 0) {
      left = deadline - watch_now_ms();
      if(left < 0)
        left = 0;
    }
    if(woken || loop->result_count == CSHIM_MAX_BATCH ||
       ((any || !left) && rounds++ == LAST_ROUNDS))
      break;
    events = wait_and_act(loop, more || any ? 0 :
                                sleep_time(loop, (int)left), &woken);
    if(events > 0 || (more && !any))
      continue;
    if(any || !left)
      break;
  }
  results_gather_news(loop);
  return (int)loop->result_count;
}

void cshim_loop_wake(struct cshim_loop *loop)
{
  if(atomic_exchange(&loop->sleep_state, SLEEP_WOKEN) == SLEEP_ASLEEP)
    poller_wake(loop->poller);
}

void cshim_loop_give_up(struct cshim_loop *loop, uint32_t slot)
{
  struct transfer *transfer = results_use(loop, slot);
  if(transfer->state == TRANSFER_ACTIVE) {
    response_discard(transfer);
    connection_remove(transfer);
  }
}
