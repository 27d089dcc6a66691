#ifndef INTERPOSER_PENDING_H
#define INTERPOSER_PENDING_H

/*
 * Writes that were blocked: what each SSL object has to be given again.
 *
 * Whether the next write is the same one can be told by its hash; how it
 * differs cannot. So the bytes of a blocked write are kept until the next
 * write on that object or its end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* A write, as far as it matters to the next one. */
struct pending {
  const void *ssl;
  size_t len;
  uint64_t hash; /* of all bytes, as event_hash() has it */
  struct pending *next;
  unsigned char bytes[];
};

/* Takes the blocked write of ssl away; NULL when there is none. */
struct pending *pending_take(const void *ssl);

/* How many bytes it and another write begin with alike. */
size_t pending_same(const struct pending *pending, const void *buf,
                    size_t len);

/* Copies a write on ssl that was blocked; NULL without memory. */
struct pending *pending_copy(const void *ssl, const void *buf, size_t len,
                             uint64_t hash);

/* Has the write wait for the next one. */
void pending_keep(struct pending *pending);

/* Forgets what is kept of ssl. */
void pending_forget(const void *ssl);

#pragma GCC visibility pop

#endif
