/*
 * 0102: a request is half sent when the connection goes, because another one
 * is removed. It starts over, and its old buffer must not be lost.
 */
#include <stdlib.h>
#include <string.h>
#include "proof.h"

static long blocks;

static void *count_malloc(size_t size)
{
  void *p = malloc(size);
  blocks += p != NULL;
  return p;
}

static void count_free(void *p)
{
  blocks -= p != NULL;
  free(p);
}

static void *count_realloc(void *p, size_t size)
{
  blocks += !p;
  return realloc(p, size);
}

static char *count_strdup(const char *text)
{
  blocks++;
  return strdup(text);
}

static void *count_calloc(size_t count, size_t size)
{
  void *p = calloc(count, size);
  blocks += p != NULL;
  return p;
}

int main(int argc, char **argv)
{
  struct request *sent, *half;
  struct conn *c;

  curl_global_init_mem(CURL_GLOBAL_ALL, count_malloc, count_free,
                       count_realloc, count_strdup, count_calloc);
  server_buffer = 4096;
  begin(argc, argv);
  pipelining(10);
  c = warm();
  sent = request("/sent");
  half = request("/half");
  large(half, 7000000);
  add(sent);
  settle();
  c->stalled = 1;
  add(half);
  settle();
  curl_multi_remove_handle(multi, sent->easy);
  close_conn(c);
  settle();
  reply(&conns[1], "half");
  if(!until_done(half) || half->result)
    unreachable("the request did not start over");
  clean_up();
  return verdict(!blocks, "memory that is left");
}
