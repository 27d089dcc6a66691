#include "owner.h"

#include <pthread.h>
#include <stdlib.h>

struct owner {
  const void *ssl;
  int fd;
  struct owner *next;
};

static struct owner *list;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* Where the one of ssl hangs, or would hang; the mutex is held. */
static struct owner **place(const void *ssl)
{
  struct owner **at = &list;

  while(*at && (*at)->ssl != ssl)
    at = &(*at)->next;
  return at;
}

void owner_note(const void *ssl, int fd)
{
  struct owner **at;

  pthread_mutex_lock(&mutex);
  at = place(ssl);
  if(!*at) {
    *at = calloc(1, sizeof(**at));
    if(*at)
      (*at)->ssl = ssl;
  }
  if(*at)
    (*at)->fd = fd;
  pthread_mutex_unlock(&mutex);
}

int owner_socket(const void *ssl)
{
  struct owner *found;
  int fd;

  pthread_mutex_lock(&mutex);
  found = *place(ssl);
  fd = found ? found->fd : -1;
  pthread_mutex_unlock(&mutex);
  return fd;
}

void owner_forget(const void *ssl)
{
  struct owner **at;
  struct owner *found;

  pthread_mutex_lock(&mutex);
  at = place(ssl);
  found = *at;
  if(found)
    *at = found->next;
  pthread_mutex_unlock(&mutex);
  free(found);
}
