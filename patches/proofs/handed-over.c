/*
 * 0602: many responses arrive on one socket, one after the other. libcurl does
 * not ask the application to stop watching it and to start again each time.
 */
#include "proof.h"

#define MANY 50

int main(int argc, char **argv)
{
  struct request *last = NULL;
  struct conn *c;
  int i;

  begin(argc, argv);
  pipelining(100);
  c = warm();
  for(i = 0; i < MANY; i++) {
    last = request("/");
    add(last);
  }
  settle();
  drive_removals = 0;
  for(i = 0; i < MANY; i++) {
    reply(c, "x");
    turn();
    turn();
  }
  if(!until_done(last))
    unreachable("not all were answered");
  return verdict(drive_removals < MANY / 5, "the socket callback");
}
