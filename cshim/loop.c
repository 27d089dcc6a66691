/*
 * loop.c: the loop itself. Submits a batch and drives libcurl with the events
 * that epoll reports.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "internal.h"

/* sleep_state: a waker that finds ASLEEP has to write to the eventfd; one that
   finds AWAKE leaves WOKEN behind, and the loop does not go to sleep. */
#define SLEEP_AWAKE 0
#define SLEEP_ASLEEP 1
#define SLEEP_WOKEN 2

/* Sockets looked after for each epoll_wait(); more come with the next. */
#define EVENTS 64

/* libcurl's timer may be due again and again while it works off a pipeline.
   After so many times in a row look at the sockets all the same. */
#define TIMER_ROUNDS 64

/* So often the sockets are looked at again for more, once there is something
   to tell, or the time is up. */
#define EVENT_ROUNDS 8

/* And so many times over what was read ahead. */
#define INPUT_ROUNDS 64

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

/* CURLMOPT_PIPELINING; the headers of old releases have no names for it */
static long pipelining_of(enum cshim_mode mode)
{
  switch(mode) {
  case CSHIM_PIPELINING:
    return 1L; /* CURLPIPE_HTTP1 */
  case CSHIM_MULTIPLEXING:
    return 2L; /* CURLPIPE_MULTIPLEX */
  default:
    return 0L; /* CURLPIPE_NOTHING */
  }
}

static int make_multi(struct cshim_loop *loop)
{
  loop->multi = curl_multi_init();
  if(!loop->multi)
    return -ENOMEM;
  if(curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING,
                       pipelining_of(loop->limits.mode)) ||
     curl_multi_setopt(loop->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                       loop->limits.connections_per_host))
    return CSHIM_MULTI_FAILED;
  if(loop->limits.mode == CSHIM_PIPELINING &&
     curl_multi_setopt(loop->multi, CURLMOPT_MAX_PIPELINE_LENGTH,
                       loop->limits.pipeline_length))
    return CSHIM_MULTI_FAILED;
  return watch_install(loop);
}

/* Easy handles of one multi handle do not share TLS sessions by themselves. */
static bool make_share(struct cshim_loop *loop)
{
  loop->share = curl_share_init();
  return loop->share &&
         !curl_share_setopt(loop->share, CURLSHOPT_SHARE,
                            CURL_LOCK_DATA_SSL_SESSION);
}

struct cshim_loop *cshim_loop_new(const struct cshim_limits *limits)
{
  struct epoll_event event = { .events = EPOLLIN | EPOLLET };
  struct cshim_loop *loop = calloc(1, sizeof(*loop));
  int failure = ENOMEM;

  if(!loop)
    return NULL;
  loop->limits = *limits;
  loop->key_log = -1;
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  loop->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  event.data.fd = loop->event;
  /* Edge-triggered, so the eventfd never has to be read: each write to it is
     one edge. */
  if(loop->epoll == -1 || loop->event == -1 ||
     epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->event, &event)) {
    failure = errno;
    goto fail;
  }
  loop->results = calloc(CSHIM_MAX_BATCH, sizeof(*loop->results));
  if(!loop->results || !make_share(loop) || make_multi(loop))
    goto fail;
  return loop;

fail:
  cshim_loop_free(loop);
  errno = failure;
  return NULL;
}

static void push_active(struct cshim_loop *loop, struct transfer *transfer)
{
  transfer->state = TRANSFER_ACTIVE;
  transfer->next = NULL;
  transfer->previous = loop->last;
  if(loop->last)
    loop->last->next = transfer;
  else
    loop->first = transfer;
  loop->last = transfer;
}

/* Takes a transfer out of the multi handle. */
void loop_remove(struct cshim_loop *loop, struct transfer *transfer)
{
  struct cshim_loop *before = http2_enter(loop);
  http2_leave_stream(transfer);
  curl_multi_remove_handle(loop->multi, transfer->easy);
  http2_left_stream(transfer);
  http2_leave(before);
  if(transfer->next)
    transfer->next->previous = transfer->previous;
  else
    loop->last = transfer->previous;
  if(transfer->previous)
    transfer->previous->next = transfer->next;
  else
    loop->first = transfer->next;
  transfer->state = TRANSFER_IDLE;
  results_forget_news(transfer);
}

/* Last submitted first: a transfer with nobody behind it in the pipeline
   leaves without waking another. */
static void remove_all(struct cshim_loop *loop)
{
  while(loop->last) {
    response_discard(loop->last);
    loop_remove(loop, loop->last);
  }
}

void cshim_loop_close(struct cshim_loop *loop)
{
  struct cshim_loop *before;
  if(!loop->multi)
    return;
  loop->closing = true;
  remove_all(loop);
  before = http2_enter(loop);
  curl_multi_cleanup(loop->multi);
  http2_leave(before);
  loop->multi = NULL;
  watch_forget_all(loop);
}

int cshim_loop_reset(struct cshim_loop *loop)
{
  results_forget(loop);
  cshim_loop_close(loop);
  loop->failure = 0;
  loop->closing = false;
  loop->lost_transfers = false;
  return make_multi(loop);
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
  curl_share_cleanup(loop->share);
  free(loop->slots);
  free(loop->results);
  if(loop->event != -1)
    close(loop->event);
  if(loop->epoll != -1)
    close(loop->epoll);
  free(loop);
}

int cshim_loop_attach(struct cshim_loop *loop, void *easy)
{
  uint32_t slot = loop->free_from;
  char *private = NULL;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
  if(private)
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
    loop_remove(loop, transfer);
  transfer_free(transfer);
  loop->slots[slot] = NULL;
  if(slot < loop->free_from)
    loop->free_from = slot;
}

static void act(struct cshim_loop *loop, curl_socket_t socket, int bits)
{
  int running;
  struct cshim_loop *before = http2_enter(loop);
  CURLMcode code = curl_multi_socket_action(loop->multi, socket, bits,
                                            &running);
  http2_leave(before);
  if(code && code != CURLM_BAD_SOCKET)
    loop->failure = CSHIM_MULTI_FAILED;
}

/* Gives a request to libcurl, which finishes it at once if it refuses it. */
static void start(struct cshim_loop *loop, struct transfer *transfer)
{
  CURLMcode refused;
  rest_look(loop, transfer->origin);
  push_active(loop, transfer);
  refused = curl_multi_add_handle(loop->multi, transfer->easy);
  loop->timer_set = false;
  if(!refused)
    return;
  loop_remove(loop, transfer);
  strncpy(transfer->detail, curl_multi_strerror(refused),
          sizeof(transfer->detail) - 1);
  results_add(transfer, CURLE_FAILED_INIT);
}

/* Submits one request. The handle gets its first turn here: of several timers
   that are due libcurl serves the youngest first, and the requests would go
   out backwards. */
static void submit(struct cshim_loop *loop,
                   const struct cshim_request *request, const char *text)
{
  struct transfer *transfer = loop->slots[request->slot];
  CURLcode code = request_prepare(transfer, request, text);
  if(code) {
    results_add(transfer, code);
    return;
  }
  start(loop, transfer);
  if(transfer->state == TRANSFER_ACTIVE)
    act(loop, CURL_SOCKET_TIMEOUT, 0);
}

/* A request has ended, in libcurl's view. */
void loop_finish(struct cshim_loop *loop, struct transfer *transfer,
                 CURLcode code)
{
  loop_remove(loop, transfer);
  code = http2_judge(transfer, response_end(transfer, code));
  if(!http2_again(transfer, code)) {
    results_add(transfer, code);
    return;
  }
  http2_begin(transfer);
  start(loop, transfer);
}

/* When a connection closes under its pipeline, libcurl does not always tell
   those that were in it: they have to start again, and nothing happens on
   their socket any more. Running every handle once gets them going. */
static void act_on_lost_socket(struct cshim_loop *loop)
{
  int running;
  struct cshim_loop *before;
  if(!loop->lost_socket)
    return;
  loop->lost_socket = false;
  before = http2_enter(loop);
  if(loop->first && curl_multi_socket_all(loop->multi, &running))
    loop->failure = CSHIM_MULTI_FAILED;
  http2_leave(before);
}

static void act_on_timer(struct cshim_loop *loop)
{
  int round;
  for(round = 0; round < TIMER_ROUNDS; round++) {
    if(!loop->timer_set ||
       (loop->timer_at && loop->timer_at > watch_now_ms()))
      return;
    loop->timer_set = false;
    act(loop, CURL_SOCKET_TIMEOUT, 0);
  }
}

/* Readable and writable are told one after the other. Told at once, libcurl
   hands both to the first in the send pipe, and the one that waits for its
   response may never hear of it. A socket that reports an error alone is told
   as both: whoever tries next finds out. */
static void act_on_socket(struct cshim_loop *loop, curl_socket_t socket,
                          uint32_t events)
{
  if(!(events & (EPOLLIN | EPOLLOUT)))
    events = EPOLLIN | EPOLLOUT;
  if(events & EPOLLIN)
    act(loop, socket, CURL_CSELECT_IN);
  if(events & EPOLLOUT) {
    bio_writable(loop, socket);
    act(loop, socket, CURL_CSELECT_OUT);
  }
}

/* What was read ahead of libcurl no poll sees: tell of it as often as libcurl
   takes any. Returns whether it may take more. */
static bool act_on_input(struct cshim_loop *loop)
{
  int round;
  for(round = 0; round < INPUT_ROUNDS; round++) {
    uint64_t before = loop->input_taken;
    curl_socket_t socket = bio_first_input(loop);
    for(; socket != CURL_SOCKET_BAD; socket = bio_next_input(loop))
      act(loop, socket, CURL_CSELECT_IN);
    if(loop->input_taken == before)
      return false;
    act_on_timer(loop);
  }
  return true;
}

/* How long to sleep, in milliseconds: until the timer, at most wait_ms.
   libcurl does not tell of a timer again when it is due at the same moment as
   the last one that it told of, so ask before going to sleep without one. */
static int sleep_time(struct cshim_loop *loop, int wait_ms)
{
  int64_t until_timer;
  if(!loop->timer_set) {
    long timeout_ms = -1;
    curl_multi_timeout(loop->multi, &timeout_ms);
    if(timeout_ms < 0)
      return wait_ms;
    loop->timer_set = true;
    loop->timer_at = watch_now_ms() + timeout_ms;
  }
  until_timer = loop->timer_at ? loop->timer_at - watch_now_ms() : 0;
  if(until_timer < 0)
    until_timer = 0;
  if(wait_ms >= 0 && until_timer > wait_ms)
    return wait_ms;
  return until_timer > INT32_MAX ? INT32_MAX : (int)until_timer;
}

/* Waits for events and acts on them. Returns how many came, and sets *woken
   when somebody asked the loop to come back. */
static int wait_and_act(struct cshim_loop *loop, int wait_ms, bool *woken)
{
  struct epoll_event events[EVENTS];
  int expected = SLEEP_AWAKE;
  int count;
  int i;

  watch_apply(loop);
  if(wait_ms &&
     !atomic_compare_exchange_strong(&loop->sleep_state, &expected,
                                     SLEEP_ASLEEP))
    wait_ms = 0;
  count = epoll_wait(loop->epoll, events, EVENTS, wait_ms);
  loop->turn++;
  if(atomic_exchange(&loop->sleep_state, SLEEP_AWAKE) == SLEEP_WOKEN)
    *woken = true;
  if(count < 0 && errno != EINTR)
    loop->failure = -errno;
  for(i = 0; i < count; i++) {
    if(events[i].data.fd != loop->event)
      act_on_socket(loop, events[i].data.fd, events[i].events);
  }
  return count;
}

int cshim_loop_run(struct cshim_loop *loop,
                   const struct cshim_request *requests, size_t count,
                   const char *text, int wait_ms)
{
  int64_t deadline = wait_ms > 0 ? watch_now_ms() + wait_ms : 0;
  bool woken = false;
  size_t rounds = 0;
  size_t i;

  results_forget(loop);
  loop->turn++;
  for(i = 0; i < count; i++)
    submit(loop, &requests[i], text);

  for(;;) {
    bool more;
    bool told;
    int events;
    act_on_timer(loop);
    act_on_lost_socket(loop);
    more = act_on_input(loop);
    results_gather(loop);
    bio_settle(loop);
    if(loop->failure)
      return loop->failure;
    /* events may come without end: nobody waits for theirs */
    told = loop->result_count || loop->news;
    if(woken || loop->result_count == CSHIM_MAX_BATCH ||
       ((told || !wait_ms) && rounds++ == EVENT_ROUNDS))
      break;
    events = wait_and_act(loop, more || told ? 0 : sleep_time(loop, wait_ms),
                          &woken);
    if(events <= 0 && (told || (!wait_ms && !more)))
      break;
    if(wait_ms > 0) {
      int64_t left = deadline - watch_now_ms();
      if(left <= 0)
        wait_ms = 0; /* what came with the last events is told, too */
      else
        wait_ms = (int)left;
    }
  }
  results_gather_news(loop);
  return (int)loop->result_count;
}

void cshim_loop_wake(struct cshim_loop *loop)
{
  uint64_t one = 1;
  if(atomic_exchange(&loop->sleep_state, SLEEP_WOKEN) == SLEEP_ASLEEP) {
    /* it cannot block, nor fail for another reason than a full counter, and
       then the loop has been told */
    ssize_t written = write(loop->event, &one, sizeof(one));
    (void)written;
  }
}

void cshim_loop_give_up(struct cshim_loop *loop, uint32_t slot)
{
  struct transfer *transfer = results_use(loop, slot);
  if(transfer->state == TRANSFER_ACTIVE) {
    response_discard(transfer);
    loop_remove(loop, transfer);
  }
}
