/*
 * 0602: one response after the other comes to one socket. The application is
 * not told each time to watch it no more, and to watch it again.
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
