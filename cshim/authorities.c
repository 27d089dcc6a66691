/*
 * authorities.c: the certificate authorities that connections trust. libcurl
 * parses its file for each connection, and for the file of a system that takes
 * longer than the rest of a handshake. The code here parses the file once for
 * all loops of the process. Each connection compares the file with the text
 * that was parsed, and parses it again only if it has changed.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"
#include "openssl.h"

struct authorities {
  void *store; /* OpenSSL's */
  unsigned long flags; /* that it verifies with */
  struct buffer text; /* that it was made of */
  size_t users;
  struct authorities *next;
};

static struct authorities *all;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static bool read_file(const char *path, struct buffer *text)
{
  FILE *file = fopen(path, "rbe");
  char piece[16 * 1024];
  size_t length;
  bool whole = file != NULL;
  while(whole && (length = fread(piece, 1, sizeof(piece), file)) > 0)
    whole = buffer_append(text, piece, length);
  whole = whole && !ferror(file);
  if(file)
    fclose(file);
  return whole;
}

static bool is_text(const struct buffer *text, const struct buffer *other)
{
  return text->length == other->length &&
         (!text->length || !memcmp(text->data, other->data, text->length));
}

static void authorities_free(struct authorities *authorities)
{
  if(authorities->store)
    openssl_loaded()->store_free(authorities->store);
  buffer_free(&authorities->text);
  free(authorities);
}

/* Reads the file again after OpenSSL has read it. If the content changed in
   between, it is not known what OpenSSL has parsed. */
static bool load(struct authorities *authorities, const char *path)
{
  const struct openssl *openssl = openssl_loaded();
  struct buffer text = { NULL, 0, 0 };
  bool same;
  authorities->store = openssl->store_new();
  openssl->clear_errors();
  if(!authorities->store ||
     !openssl->store_load(authorities->store, path, NULL)) {
    openssl->clear_errors();
    return false;
  }
  openssl->store_set_flags(authorities->store, authorities->flags);
  same = read_file(path, &text) && is_text(&authorities->text, &text);
  buffer_free(&text);
  return same;
}

/* Finds the authorities that were made of this text, or makes them. */
static struct authorities *find_or_make(struct authorities *wanted,
                                        const char *path)
{
  struct authorities *found;
  for(found = all; found; found = found->next) {
    if(found->flags == wanted->flags && is_text(&found->text, &wanted->text))
      return found;
  }
  if(!load(wanted, path))
    return NULL;
  wanted->next = all;
  all = wanted;
  return wanted;
}

static void leave(struct authorities *authorities)
{
  struct authorities **link = &all;
  if(!authorities || --authorities->users)
    return;
  while(*link != authorities)
    link = &(*link)->next;
  *link = authorities->next;
  authorities_free(authorities);
}

/* Adds the authorities of a file to an SSL_CTX that libcurl has set up without
   any. Returns false if they cannot be loaded. */
bool authorities_trust(struct cshim_loop *loop, void *context)
{
  const struct openssl *openssl = openssl_loaded();
  struct authorities *wanted = calloc(1, sizeof(*wanted));
  struct authorities *found = NULL;
  if(!wanted)
    return false;
  wanted->flags = openssl->param_flags(
    openssl->store_param(openssl->store_of(context)));
  pthread_mutex_lock(&mutex);
  if(read_file(loop->ca_file, &wanted->text))
    found = find_or_make(wanted, loop->ca_file);
  if(found) {
    found->users++;
    leave(loop->authorities);
    loop->authorities = found;
    openssl->set_store(context, found->store);
  }
  pthread_mutex_unlock(&mutex);
  if(found != wanted)
    authorities_free(wanted);
  return found != NULL;
}

void authorities_leave(struct cshim_loop *loop)
{
  pthread_mutex_lock(&mutex);
  leave(loop->authorities);
  loop->authorities = NULL;
  pthread_mutex_unlock(&mutex);
}
