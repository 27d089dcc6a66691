/*
 * failing_malloc.c: a library to preload. It makes some allocations of
 * libcurl, OpenSSL, nghttp2 and the loop fail, but none of Go's runtime or of
 * libc.
 *
 * FAILING_MALLOC names a file with two 32-bit numbers, which may be written to
 * while the process runs: one in how many fails (0: none), and what the draw
 * begins with.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static _Atomic(uint32_t) *control; /* one in this many fails; and the seed */
static atomic_uint_fast64_t drawn;

/* The loop's own code, which is linked into the program in one piece, from its
   first to its last file by name. */
static const char *loop_begin;
static const char *loop_end;

__attribute__((constructor))
static void begin(void)
{
  const char *name = getenv("FAILING_MALLOC");
  int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
  void *mapped = mmap(NULL, 2 * sizeof(*control), PROT_READ, MAP_SHARED, file,
                      0);
  if(mapped != MAP_FAILED)
    control = mapped;
  if(file != -1)
    close(file);
  loop_begin = dlsym(RTLD_DEFAULT, "bio_install");
  loop_end = dlsym(RTLD_DEFAULT, "wildcard_install");
}

static int is_watched(void *caller)
{
  Dl_info info;
  if((char *)caller > loop_begin - 4096 && (char *)caller < loop_end)
    return 1;
  return dladdr(caller, &info) && info.dli_fname &&
         (strstr(info.dli_fname, "libcurl") ||
          strstr(info.dli_fname, "libssl") ||
          strstr(info.dli_fname, "libcrypto") ||
          strstr(info.dli_fname, "libnghttp2"));
}

static int fails(void *caller)
{
  uint32_t every = control ? control[0] : 0;
  uint64_t number;
  if(!every || !is_watched(caller))
    return 0;
  number = (atomic_fetch_add(&drawn, 1) + 1) * 0x9e3779b97f4a7c15u +
           control[1] * 0x94d049bb133111ebu;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9u;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebu;
  return (number ^ (number >> 31)) % every == 0;
}

void *malloc(size_t size)
{
  return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
  return fails(__builtin_return_address(0)) ? NULL :
         __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
  return fails(__builtin_return_address(0)) ? NULL :
         __libc_realloc(old, size);
}
