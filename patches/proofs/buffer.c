/* 0605: the buffer of a pipe is allocated for each request that joins one. */
#include <stdlib.h>
#include <string.h>
#include "proof.h"

#define MANY 10
#define SIZE CURL_MAX_WRITE_SIZE /* of the buffer in all releases */

static int allocated;
static int counts;

static void *counting_malloc(size_t size)
{
  allocated += counts && (size == SIZE);
  return malloc(size);
}

static void *counting_calloc(size_t n, size_t size)
{
  allocated += counts && (n * size == SIZE);
  return calloc(n, size);
}

int main(int argc, char **argv)
{
  struct request *last = NULL;
  struct conn *c;
  int i;

  curl_global_init_mem(CURL_GLOBAL_DEFAULT, counting_malloc, free, realloc,
                       strdup, counting_calloc);
  begin(argc, argv);
  pipelining(100);
  counts = 1;
  c = warm();
  if(!allocated)
    unreachable("the first connection has no buffer of that size");
  allocated = 0;
  for(i = 0; i < MANY; i++) {
    last = request("/");
    add(last);
  }
  settle();
  counts = 0;
  for(i = 0; i < MANY; i++)
    reply(c, "x");
  if(!until_done(last))
    unreachable("not all were answered");
  return verdict(!allocated, "no buffer for those that join");
}
