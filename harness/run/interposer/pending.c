#include "pending.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct pending {
  const void *ssl;
  size_t len;  /* of the write */
  size_t kept; /* of it, in bytes */
  struct pending *next;
  unsigned char bytes[];
};

/* Few objects have a blocked write at a time, so a list will do. */
static struct pending *list;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* Takes the one of ssl off the list; NULL when there is none. */
static struct pending *take(const void *ssl)
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

void pending_keep(const void *ssl, const void *buf, size_t len)
{
  size_t kept = len < PENDING_KEPT ? len : PENDING_KEPT;
  struct pending *pending = malloc(sizeof(*pending) + kept);

  pending_forget(ssl);
  if(!pending)
    return;
  pending->ssl = ssl;
  pending->len = len;
  pending->kept = kept;
  memcpy(pending->bytes, buf, kept);
  pthread_mutex_lock(&mutex);
  pending->next = list;
  list = pending;
  pthread_mutex_unlock(&mutex);
}

bool pending_take(const void *ssl, const void *buf, size_t len, size_t *same)
{
  struct pending *pending = take(ssl);
  const unsigned char *bytes = buf;
  size_t both;
  size_t shared;
  size_t i;

  if(!pending)
    return false;
  both = pending->len < len ? pending->len : len;
  shared = both < pending->kept ? both : pending->kept;
  for(i = 0; i < shared && pending->bytes[i] == bytes[i]; i++)
    ;
  *same = i == shared ? both : i;
  free(pending);
  return true;
}

void pending_forget(const void *ssl)
{
  free(take(ssl));
}
