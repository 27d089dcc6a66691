/* 0604: the head of the pipe reads its socket, and does not poll it first. */
#define _GNU_SOURCE
#include <poll.h>
#include "proof.h"

#define MANY 50

static int polled;
static int counts;

/* instead of libc's, for libcurl too */
int poll(struct pollfd *fds, nfds_t count, int timeout)
{
  struct timespec t;
  t.tv_sec = timeout / 1000;
  t.tv_nsec = timeout % 1000 * 1000000L;
  polled += counts;
  return ppoll(fds, count, timeout < 0 ? NULL : &t, NULL);
}

int main(int argc, char **argv)
{
  struct request *last = NULL;
  struct conn *c;
  int i, running;

  begin(argc, argv);
  pipelining(100);
  c = warm();
  for(i = 0; i < MANY; i++) {
    last = request("/");
    add(last);
  }
  settle();
  for(i = 0; i < MANY; i++) {
    reply(c, "x");
    counts = 1;
    curl_multi_perform(multi, &running);
    counts = 0;
  }
  if(!until_done(last))
    unreachable("not all were answered");
  return verdict(polled < MANY, "polls before reading");
}
