/*
 * The event-driven driver: curl_multi_socket_action() and epoll. libcurl says
 * which sockets to watch (CURLMOPT_SOCKETFUNCTION) and when to be called even
 * if none of them is ready (CURLMOPT_TIMERFUNCTION); nothing else makes this
 * driver call it, but a transfer that was resumed.
 */

#include "drive.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 16
#define NS_PER_MS 1000000LL
#define NO_TIMER (-1LL)

struct event_loop {
  struct session *session;
  struct steps *steps;
  int epoll_fd;
  long long timer_ns; /* when libcurl wants to be called; NO_TIMER if never */
};

/* The epoll bits for a CURL_POLL_* value. */
static uint32_t epoll_events(int what)
{
  switch(what) {
  case CURL_POLL_IN:
    return EPOLLIN;
  case CURL_POLL_OUT:
    return EPOLLOUT;
  case CURL_POLL_INOUT:
    return EPOLLIN | EPOLLOUT;
  default:
    return 0;
  }
}

/* The bits for curl_multi_socket_action() for the events of epoll. */
static int select_bits(uint32_t events)
{
  return (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
    (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
    (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
}

/* Changes the events that a socket is watched for, or starts to watch it. Only
   the kernel knows which of the two is needed, because a socket that is closed
   leaves the set. */
static int watch(struct event_loop *loop, curl_socket_t socket,
                 struct epoll_event *event)
{
  int failed = epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, socket, event);

  if(failed && errno == ENOENT)
    failed = epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, socket, event);
  return failed;
}

/* CURLMOPT_SOCKETFUNCTION */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user,
                     void *unused)
{
  struct event_loop *loop = user;
  struct epoll_event event = { .events = epoll_events(what) };

  (void)easy;
  (void)unused;
  event.data.fd = socket;
  if(what == CURL_POLL_REMOVE)
    /* fails if libcurl has closed the socket, which removes it from the set */
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, socket, &event);
  else if(watch(loop, socket, &event))
    session_stop(loop->session, "epoll_ctl for socket %d: %s", (int)socket,
                 strerror(errno));
  return 0;
}

/* CURLMOPT_TIMERFUNCTION. Must not call into the multi handle itself. */
static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
  struct event_loop *loop = user;

  (void)multi;
  loop->timer_ns = timeout_ms < 0 ? NO_TIMER :
    now_ns() + timeout_ms * NS_PER_MS;
  return 0;
}

static bool timer_expired(const struct event_loop *loop)
{
  return loop->timer_ns != NO_TIMER && now_ns() >= loop->timer_ns;
}

/* Rounded up, so that the timer has expired when the wait ends. */
static int wait_ms(const struct event_loop *loop)
{
  long wait = session_patience_ms(loop->session);

  if(loop->timer_ns != NO_TIMER) {
    long long left_ns = loop->timer_ns - now_ns();
    long long left_ms = (left_ns + NS_PER_MS - 1) / NS_PER_MS;
    if(left_ns <= 0)
      return 0;
    if(left_ms < wait)
      wait = (long)left_ms;
  }
  return wait < INT_MAX ? (int)wait : INT_MAX;
}

static void call(struct event_loop *loop, curl_socket_t socket, int bits)
{
  int running;
  CURLMcode code = curl_multi_socket_action(loop->session->multi, socket,
                                            bits, &running);

  if(code)
    session_stop(loop->session, "curl_multi_socket_action: %s",
                 curl_multi_strerror(code));
}

/* Waits for sockets, the timer and input. The input is not a socket of
   libcurl's, and may be a file, which epoll does not accept. */
static void wait_for_any(struct event_loop *loop)
{
  struct pollfd ready[] = {
    { .fd = loop->epoll_fd, .events = POLLIN },
    { .fd = steps_input(loop->steps), .events = POLLIN } /* below 0: none */
  };

  if(poll(ready, 2, wait_ms(loop)) < 0) {
    if(errno != EINTR)
      session_stop(loop->session, "poll: %s", strerror(errno));
  }
  else if(ready[1].revents)
    steps_read(loop->steps);
}

static void call_ready(struct event_loop *loop)
{
  struct epoll_event events[EVENTS_AT_ONCE];
  int count = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, 0);
  int i;

  if(count < 0 && errno != EINTR)
    session_stop(loop->session, "epoll_wait: %s", strerror(errno));
  for(i = 0; i < count; i++)
    call(loop, events[i].data.fd, select_bits(events[i].events));
  if(timer_expired(loop)) {
    loop->timer_ns = NO_TIMER; /* it expires once; the call may set it again */
    call(loop, CURL_SOCKET_TIMEOUT, 0);
  }
}

static void run_steps(struct event_loop *loop)
{
  steps_run(loop->steps);
  if(steps_woke(loop->steps))
    loop->timer_ns = now_ns();
}

void drive_socket(struct session *session, struct steps *steps)
{
  struct event_loop loop = {
    .session = session, .steps = steps, .timer_ns = NO_TIMER
  };

  loop.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if(loop.epoll_fd < 0) {
    session_stop(session, "epoll_create1: %s", strerror(errno));
    return;
  }
  curl_multi_setopt(session->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(session->multi, CURLMOPT_SOCKETDATA, &loop);
  curl_multi_setopt(session->multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(session->multi, CURLMOPT_TIMERDATA, &loop);

  session_add_first(session);
  while(session_goes_on(session)) {
    run_steps(&loop);
    wait_for_any(&loop);
    run_steps(&loop);
    call_ready(&loop);
    session_collect(session);
  }

  /* libcurl must not call this loop when the session is closed */
  curl_multi_setopt(session->multi, CURLMOPT_SOCKETFUNCTION, NULL);
  curl_multi_setopt(session->multi, CURLMOPT_TIMERFUNCTION, NULL);
  close(loop.epoll_fd);
}
