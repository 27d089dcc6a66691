#define _GNU_SOURCE /* for RTLD_NEXT and dl_iterate_phdr() */

#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
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

struct search {
  const char *name; /* before ".so" or a hyphen */
  char path[PATH_MAX];
};

/* dl_iterate_phdr() callback: copies the path of the first such library. */
static int find_library(struct dl_phdr_info *info, size_t size, void *into)
{
  struct search *search = into;
  const char *slash = strrchr(info->dlpi_name, '/');
  const char *base = slash ? slash + 1 : info->dlpi_name;
  size_t len = strlen(search->name);

  (void)size;
  if(strncmp(base, search->name, len) ||
     (base[len] != '.' && base[len] != '-') || /* libssl3.so is NSS */
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
  /* it is loaded already: this only makes a handle for it */
  library = dlopen(search.path, RTLD_LAZY | RTLD_NOLOAD);
  return library ? dlsym(library, name) : NULL;
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

void *some_openssl(const char *name)
{
  int saved_errno = errno;
  void *function = dlsym(RTLD_NEXT, name);

  if(!function)
    function = from_loaded("libssl", name);
  if(!function) /* a BIO needs no libssl */
    function = from_loaded("libcrypto", name);
  errno = saved_errno;
  return function;
}

void *real_openssl(void **slot, const char *name)
{
  void *function = load(slot);
  int saved_errno = errno;

  if(function)
    return function;
  function = some_openssl(name);
  keep(slot, name, function);
  errno = saved_errno;
  return function;
}
