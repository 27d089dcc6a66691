/*
 * 0204: CURLMOPT_PIPELINING is set to 0 while the response to A arrives, and A
 * is removed (KNOWN_BUGS 1.2). B must not go on with the connection, whose
 * memory was freed: it is overwritten here.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "proof.h"

/* each block has its size in front, and is not given back */
static void *fill_malloc(size_t size)
{
  size_t *block = malloc(size + 16);
  *block = size;
  return block + 2;
}

static void fill_free(void *p)
{
  size_t *block = p;
  if(p)
    memset(p, 0x5a, block[-2]);
}

static void *fill_calloc(size_t count, size_t size)
{
  void *p = fill_malloc(count * size);
  return memset(p, 0, count * size);
}

static char *fill_strdup(const char *text)
{
  return strcpy(fill_malloc(strlen(text) + 1), text);
}

static void *fill_realloc(void *p, size_t size)
{
  void *now = fill_malloc(size);
  if(p) {
    size_t before = ((size_t *)p)[-2];
    memcpy(now, p, before < size ? before : size);
    fill_free(p);
  }
  return now;
}

static void on_crash(int signal_number)
{
  (void)signal_number;
  _exit(1);
}

int main(int argc, char **argv)
{
  struct request *a, *b;
  struct conn *c;
  static const char half[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf";

  signal(SIGSEGV, on_crash);
  signal(SIGBUS, on_crash);
  curl_global_init_mem(CURL_GLOBAL_ALL, fill_malloc, fill_free, fill_realloc,
                       fill_strdup, fill_calloc);
  begin(argc, argv);
  pipelining(10);
  c = warm();
  a = request("/a");
  b = request("/b");
  add(a);
  add(b);
  settle();
  answer(c, half);
  settle();
  if(!a->size)
    unreachable("the response did not begin");
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, 0L);
  curl_multi_remove_handle(multi, a->easy);
  settle();
  if(conn_count == 2 && arrived(&conns[1]))
    reply(&conns[1], "b");
  until_done(b);
  return verdict(b->done && !b->result, "who was behind it");
}
