/*
 * The report's driver: curl_multi_perform(), curl_multi_fdset() and select().
 */

#include "drive.h"

#include <errno.h>
#include <string.h>
#include <sys/select.h>

#define LONGEST_WAIT_MS 1000

/* What curl_multi_fdset(3) suggests if there is no descriptor to wait for. */
#define WAIT_WITHOUT_SOCKET_MS 100

static long wait_ms(const struct session *session, int max_fd)
{
  long wait = max_fd < 0 ? WAIT_WITHOUT_SOCKET_MS : LONGEST_WAIT_MS;
  long patience = session_patience_ms(session);
  long curl_wait = -1;

  curl_multi_timeout(session->multi, &curl_wait);
  if(curl_wait >= 0 && curl_wait < wait)
    wait = curl_wait;
  return patience < wait ? patience : wait;
}

static void wait_for_sockets(struct session *session, struct steps *steps)
{
  int input = steps_input(steps);
  struct timeval timeout;
  fd_set readable;
  fd_set writable;
  fd_set exceptional;
  int max_fd = -1;
  long wait;
  CURLMcode code;

  FD_ZERO(&readable);
  FD_ZERO(&writable);
  FD_ZERO(&exceptional);
  code = curl_multi_fdset(session->multi, &readable, &writable, &exceptional,
                          &max_fd);
  if(code) {
    session_stop(session, "curl_multi_fdset: %s", curl_multi_strerror(code));
    return;
  }
  wait = wait_ms(session, max_fd);
  if(input != STEPS_NO_INPUT) {
    FD_SET(input, &readable);
    if(input > max_fd)
      max_fd = input;
  }
  timeout.tv_sec = wait / 1000;
  timeout.tv_usec = wait % 1000 * 1000;
  if(select(max_fd + 1, &readable, &writable, &exceptional, &timeout) < 0) {
    if(errno != EINTR)
      session_stop(session, "select: %s", strerror(errno));
  }
  else if(input != STEPS_NO_INPUT && FD_ISSET(input, &readable))
    steps_read(steps);
}

void drive_perform(struct session *session, struct steps *steps)
{
  session_add_first(session);
  while(session_goes_on(session)) {
    CURLMcode code;
    int running;

    steps_run(steps);
    wait_for_sockets(session, steps);
    steps_run(steps);
    code = curl_multi_perform(session->multi, &running);
    if(code)
      session_stop(session, "curl_multi_perform: %s",
                   curl_multi_strerror(code));
    session_collect(session);
  }
}
