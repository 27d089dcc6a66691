#include "owner.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BUCKETS 1024

struct owner {
  const void *ssl;
  struct identity identity;
  int fd;
  struct owner *next;
};

static struct owner *table[BUCKETS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* The link to the entry of ssl, or to its place. Call with the mutex held. */
static struct owner **place(const void *ssl)
{
  struct owner **at = &table[((uintptr_t)ssl >> 4) % BUCKETS];

  while(*at && (*at)->ssl != ssl)
    at = &(*at)->next;
  return at;
}

/* A unique name, which no program that this process executes later gets
   either. Call with the mutex held. */
static struct identity fresh_identity(void)
{
  static uint64_t last;
  struct identity identity = { .process = (long)getpid() };
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  identity.since = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
  if(identity.since <= last)
    identity.since = last + 1;
  last = identity.since;
  return identity;
}

struct identity owner_identity(const void *ssl)
{
  struct identity identity = { 0, 0 };
  struct owner **at;

  pthread_mutex_lock(&mutex);
  at = place(ssl);
  if(!*at) {
    *at = calloc(1, sizeof(**at));
    if(*at) {
      (*at)->ssl = ssl;
      (*at)->identity = fresh_identity();
      (*at)->fd = -1;
    }
  }
  if(*at)
    identity = (*at)->identity;
  pthread_mutex_unlock(&mutex);
  return identity;
}

void owner_note(const void *ssl, int fd)
{
  struct owner *found;

  pthread_mutex_lock(&mutex);
  found = *place(ssl);
  if(found)
    found->fd = fd;
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

bool owner_forget(const void *ssl, struct identity *identity)
{
  struct owner **at;
  struct owner *found;

  pthread_mutex_lock(&mutex);
  at = place(ssl);
  found = *at;
  if(found) {
    *at = found->next;
    *identity = found->identity;
  }
  pthread_mutex_unlock(&mutex);
  free(found);
  return found != NULL;
}
