#define _GNU_SOURCE /* for RTLD_NEXT and dl_iterate_phdr() */

#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *load(void **slot)
{
  return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

static void *keep(void **slot, const char *name, void *function)
{
  if(!function) {
    fprintf(stderr, "interposer: no %s() behind the one of this library; "
            "run the program without LD_PRELOAD\n", name);
    abort();
  }
  __atomic_store_n(slot, function, __ATOMIC_RELEASE);
  return function;
}

/* Whether a path is one of libssl or libcrypto. (libssl3.so is NSS.) */
static bool is_library(const char *path, const char *name)
{
  const char *slash = strrchr(path, '/');
  const char *base = slash ? slash + 1 : path;
  size_t len = strlen(name);

  return !strncmp(base, name, len) && (base[len] == '.' || base[len] == '-');
}

struct search {
  const char *name;         /* before ".so" or a hyphen */
  const uintptr_t *words;   /* or addresses that are in it */
  char path[PATH_MAX];
};

/* dl_iterate_phdr() callback: copies the path of the first such library. */
static int find_library(struct dl_phdr_info *info, size_t size, void *into)
{
  struct search *search = into;

  (void)size;
  if(!is_library(info->dlpi_name, search->name) ||
     strlen(info->dlpi_name) >= sizeof(search->path))
    return 0;
  strcpy(search->path, info->dlpi_name);
  return 1;
}

static void *from_loaded(const char *library_name, const char *name)
{
  struct search search = { .name = library_name };
  void *library;

  if(!dl_iterate_phdr(find_library, &search))
    return NULL;
  /* it is already loaded: this only returns a handle */
  library = dlopen(search.path, RTLD_LAZY | RTLD_NOLOAD);
  return library ? dlsym(library, name) : NULL;
}

/* The table of methods is among the first members of an SSL and of a BIO, in
   all versions from 1.0.0 to 4.0; the other members there are numbers and
   pointers to what was allocated. */
#define MEMBERS 4

/* The members, and the address of the caller. */
#define WORDS (MEMBERS + 1)

/* dl_iterate_phdr() callback: copies the path of the OpenSSL into which one of
   the words points, and returns the word's number plus 1. */
static int find_holder(struct dl_phdr_info *info, size_t size, void *into)
{
  struct search *search = into;
  int word;
  int i;

  (void)size;
  if((!is_library(info->dlpi_name, "libssl") &&
      !is_library(info->dlpi_name, "libcrypto")) ||
     strlen(info->dlpi_name) >= sizeof(search->path))
    return 0;
  for(i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    for(word = 0; part->p_type == PT_LOAD && word < WORDS; word++) {
      if(search->words[word] - info->dlpi_addr - part->p_vaddr <
         part->p_memsz) {
        strcpy(search->path, info->dlpi_name);
        return word + 1;
      }
    }
  }
  return 0;
}

/* The OpenSSLs that were found, from number 1 on, and addresses in them. Both
   only grow. */
static void *libraries[REAL_LIBRARIES];
static struct address {
  uintptr_t word;
  int library;
} addresses[64];
static int known;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* The number of the OpenSSL with this handle, 0 if there are too many. Call
   with the mutex held. */
static int number_of(void *handle)
{
  int i;

  for(i = 1; handle && i < REAL_LIBRARIES; i++) {
    if(!libraries[i])
      libraries[i] = handle;
    if(libraries[i] == handle)
      return i;
  }
  return 0;
}

/* Looks for the OpenSSL that contains the address. */
static int learn(const uintptr_t *words)
{
  struct search search = { .words = words };
  int saved_errno = errno;
  int found = dl_iterate_phdr(find_holder, &search);
  int library = 0;
  void *handle;

  if(found) {
    handle = dlopen(search.path, RTLD_LAZY | RTLD_NOLOAD);
    pthread_mutex_lock(&mutex);
    library = number_of(handle);
    if(known < (int)(sizeof(addresses) / sizeof(addresses[0]))) {
      addresses[known] = (struct address) { words[found - 1], library };
      __atomic_store_n(&known, known + 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&mutex);
  }
  errno = saved_errno;
  return library;
}

int real_library(const void *object, const void *caller)
{
  uintptr_t words[WORDS];
  int count = __atomic_load_n(&known, __ATOMIC_ACQUIRE);
  int word;
  int i;

  if(!object)
    return 0;
  memcpy(words, object, MEMBERS * sizeof(words[0]));
  words[MEMBERS] = (uintptr_t)caller;
  for(word = 0; word < WORDS; word++) {
    for(i = 0; i < count; i++) {
      if(words[word] == addresses[i].word)
        return addresses[i].library;
    }
  }
  return learn(words);
}

void *real_libc(void **slot, const char *name)
{
  void *function = load(slot);
  int saved_errno = errno;

  if(function)
    return function;
  function = keep(slot, name, dlsym(RTLD_NEXT, name));
  errno = saved_errno;
  return function;
}

static void *find_openssl(int library, const char *name)
{
  int saved_errno = errno;
  void *function = library ? dlsym(libraries[library], name) : NULL;

  if(!function)
    function = dlsym(RTLD_NEXT, name);
  if(!function)
    function = from_loaded("libssl", name);
  if(!function) /* a BIO needs no libssl */
    function = from_loaded("libcrypto", name);
  errno = saved_errno;
  return function;
}

void *some_openssl(const char *name, const void *object)
{
  return find_openssl(real_library(object, NULL), name);
}

void *real_openssl_of(struct real_function *slot, const char *name,
                      const void *object, const void *caller)
{
  int library = real_library(object, caller);
  void *function = load(&slot->of[library]);

  if(function)
    return function;
  return keep(&slot->of[library], name, find_openssl(library, name));
}
