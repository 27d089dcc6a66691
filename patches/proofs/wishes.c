/*
 * 0201: one handle waits until it can go on sending, another one for its
 * response. The application has to be told of both.
 */
#include "proof.h"

int main(int argc, char **argv)
{
  struct request *first, *blocked;
  struct conn *c;
  int fd, wanted = 0;

  server_buffer = 4096;
  begin(argc, argv);
  pipelining(10);
  c = warm();
  first = request("/first");
  blocked = request("/blocked");
  large(blocked, 7000000);
  add(first);
  settle();
  c->stalled = 1;
  add(blocked);
  settle();
  for(fd = 0; fd < DRIVE_SOCKETS; fd++)
    wanted |= drive_what_for[fd];
  return verdict(wanted == CURL_POLL_INOUT, "what the socket is watched for");
}
