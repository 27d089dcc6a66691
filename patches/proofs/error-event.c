/*
 * 0207: the response is there, and the application tells of an error only, as
 * one with libuv does. The response is read.
 */
#include <poll.h>
#include "proof.h"

int main(int argc, char **argv)
{
  struct request *r;
  int fd, running;

  begin(argc, argv);
  pipelining(10);
  r = request("/");
  add(r);
  settle();
  for(fd = DRIVE_SOCKETS - 1; fd && !drive_what_for[fd]; fd--)
    ;
  reply(&conns[0], "the response");
  poll(NULL, 0, 20);
  curl_multi_socket_action(multi, fd, CURL_CSELECT_ERR, &running);
  until_done(r);
  return verdict(r->done && !r->result && r->size == 12, "the response");
}
