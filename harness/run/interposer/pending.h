#ifndef INTERPOSER_PENDING_H
#define INTERPOSER_PENDING_H

/*
 * Blocked writes: the bytes that each SSL object must get again.
 *
 * Whether the next write is the same one can be told by its hash; how it
 * differs cannot. So the bytes of a blocked write are kept until the next
 * write on that object or its end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* A write, with what the next one is compared with. */
struct pending {
  const void *ssl;
  size_t len;
  uint64_t hash; /* of all bytes, as from event_hash() */
  struct pending *next;
  unsigned char bytes[];
};

/* Takes the blocked write of ssl off the list; NULL if there is none. */
struct pending *pending_take(const void *ssl);

/* How many bytes at the beginning of it and another write are equal. */
size_t pending_same(const struct pending *pending, const void *buf,
                    size_t len);

/* Copies a blocked write on ssl; NULL without memory. */
struct pending *pending_copy(const void *ssl, const void *buf, size_t len,
                             uint64_t hash);

/* Keeps the write for comparison with the next one. */
void pending_keep(struct pending *pending);

/* Forgets the blocked write of ssl. */
void pending_forget(const void *ssl);

#pragma GCC visibility pop

#endif
