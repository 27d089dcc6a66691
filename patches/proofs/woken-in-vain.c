/*
 * 0220: how often handles that wait for a connection are run in vain. libcurl
 * tells it to the debug callback.
 */
#include <string.h>
#include "proof.h"

#define MANY 100

static int in_vain;

static int on_debug(CURL *easy, curl_infotype type, char *bytes, size_t size,
                    void *user)
{
  (void)easy;
  (void)size;
  (void)user;
  in_vain += type == CURLINFO_TEXT &&
    strstr(bytes, "No connections available") != NULL;
  return 0;
}

int main(int argc, char **argv)
{
  struct request *all[MANY];
  struct conn *c;
  int i, rounds;

  begin(argc, argv);
  pipelining(5);
  c = warm();
  for(i = 0; i < MANY; i++) {
    all[i] = request("/");
    curl_easy_setopt(all[i]->easy, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(all[i]->easy, CURLOPT_DEBUGFUNCTION, on_debug);
    add(all[i]);
  }
  for(rounds = 0; rounds < 20000 && !all[MANY - 1]->done; rounds++) {
    turn();
    if(arrived(c))
      reply(c, "x");
  }
  if(!all[MANY - 1]->done)
    unreachable("not all were answered");
  return verdict(in_vain <= 3 * MANY, "handles that are run");
}
