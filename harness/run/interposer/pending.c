#include "pending.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define COMPARED 4096

/* Few objects have a blocked write at a time, so a list is enough. */
static struct pending *list;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

struct pending *pending_take(const void *ssl)
{
  struct pending **at;
  struct pending *found = NULL;

  pthread_mutex_lock(&mutex);
  for(at = &list; *at; at = &(*at)->next) {
    if((*at)->ssl == ssl) {
      found = *at;
      *at = found->next;
      break;
    }
  }
  pthread_mutex_unlock(&mutex);
  return found;
}

/* In pieces, because a write may have many megabytes, and be repeated
   often. */
size_t pending_same(const struct pending *pending, const void *buf, size_t len)
{
  const unsigned char *bytes = buf;
  size_t both = pending->len < len ? pending->len : len;
  size_t i = 0;

  while(both - i >= COMPARED && !memcmp(pending->bytes + i, bytes + i,
                                        COMPARED))
    i += COMPARED;
  while(i < both && pending->bytes[i] == bytes[i])
    i++;
  return i;
}

struct pending *pending_copy(const void *ssl, const void *buf, size_t len,
                             uint64_t hash)
{
  struct pending *pending = malloc(sizeof(*pending) + len);

  if(!pending)
    return NULL;
  pending->ssl = ssl;
  pending->len = len;
  pending->hash = hash;
  memcpy(pending->bytes, buf, len);
  return pending;
}

void pending_keep(struct pending *pending)
{
  pthread_mutex_lock(&mutex);
  pending->next = list;
  list = pending;
  pthread_mutex_unlock(&mutex);
}

void pending_forget(const void *ssl)
{
  free(pending_take(ssl));
}
