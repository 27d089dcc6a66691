/*
 * watch.c: what libcurl waits for on a connection's socket, and for how long.
 * Has the callbacks of CURLMOPT_SOCKETFUNCTION and CURLMOPT_TIMERFUNCTION.
 */
#include <time.h>
#include "internal.h"

int64_t watch_now_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void watch_changed(struct connection *connection)
{
  struct cshim_loop *loop = connection->loop;
  if(connection->changed || connection->socket == CURL_SOCKET_BAD)
    return;
  connection->changed = true;
  connection->next_changed = loop->changed;
  loop->changed = connection;
}

/* The socket is about to be closed, and another may get the same number, so
   the poller has to forget it now. */
void watch_forget(struct connection *connection)
{
  struct cshim_loop *loop = connection->loop;
  struct connection **link = &loop->changed;
  if(connection->changed) {
    while(*link != connection)
      link = &(*link)->next_changed;
    *link = connection->next_changed;
    connection->changed = false;
  }
  if(connection->applied)
    poller_watch(loop->poller, connection, 0);
  connection->applied = 0;
}

/* CURLMOPT_SOCKETFUNCTION */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *userp,
                     void *socketp)
{
  struct connection *connection = userp;
  (void)easy;
  (void)socketp;
  if(socket != connection->socket)
    return 0;
  connection->wanted = what == CURL_POLL_REMOVE ? 0 :
                       (what & CURL_POLL_IN ? READY_IN : 0) |
                       (what & CURL_POLL_OUT ? READY_OUT : 0);
  watch_changed(connection);
  return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int on_timer(CURLM *multi, long timeout_ms, void *userp)
{
  struct connection *connection = userp;
  (void)multi;
  connection->timer_set = timeout_ms >= 0;
  if(timeout_ms > 0)
    /* our clock may be about to tick: one more, so as not to be early */
    connection->timer_at = watch_now_ms() + timeout_ms + 1;
  else
    connection->timer_at = 0; /* expires at once, so the clock is not needed */
  return 0;
}

int watch_install(struct connection *connection)
{
  CURLM *multi = connection->multi;
  if(curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) ||
     curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, connection) ||
     curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) ||
     curl_multi_setopt(multi, CURLMOPT_TIMERDATA, connection))
    return CSHIM_MULTI_FAILED;
  return 0;
}

/* Notes whether our BIO has bytes that wait until the socket takes more. */
void watch_output(struct connection *connection, bool waits)
{
  connection->output = waits;
  watch_changed(connection);
}

/* While an upload has no window on an HTTP/2 connection, libcurl 7.88.1 goes
   on waiting for a socket that is always writable. It will not write before
   something else has happened, so the socket is not watched for writing until
   then. */
void watch_futile(struct connection *connection, bool futile)
{
  if(connection->futile == futile)
    return;
  connection->futile = futile;
  watch_changed(connection);
}

/* At rest libcurl waits for nothing; the loop waits for the server to
   close. */
static uint32_t events_of(const struct connection *connection)
{
  uint32_t wanted = connection->wanted;
  if(connection->futile)
    wanted &= ~(uint32_t)READY_OUT;
  return wanted | (connection->output ? READY_OUT : 0) |
         (connection->first ? 0 :
          connection->unheard ? READY_END : READY_AT_REST);
}

/* Tells the poller what has changed since the last wait. */
void watch_apply(struct cshim_loop *loop)
{
  while(loop->changed) {
    struct connection *connection = loop->changed;
    uint32_t events = events_of(connection);
    int failure;
    loop->changed = connection->next_changed;
    connection->changed = false;
    if(events == connection->applied)
      continue;
    failure = poller_watch(loop->poller, connection, events);
    if(!failure)
      connection->applied = events;
    else
      loop->failure = -failure;
  }
}
