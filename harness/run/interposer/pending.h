#ifndef INTERPOSER_PENDING_H
#define INTERPOSER_PENDING_H

/*
 * Writes that were blocked: what each SSL object has to be given again.
 *
 * Whether the next write is the same one can be told by its hash; how it
 * differs cannot. So the bytes of a blocked write are kept, PENDING_KEPT of
 * them at most, until the next write on that object or its end.
 */

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

#define PENDING_KEPT ((size_t)1 << 20)

/* Keeps the write on ssl that was blocked; it replaces an earlier one. */
void pending_keep(const void *ssl, const void *buf, size_t len);

/* Takes the kept write of ssl, if there is one, and counts in *same how many
   bytes it and this write begin with alike. Of two that are alike as far as
   they were kept, all bytes of the shorter one count. */
bool pending_take(const void *ssl, const void *buf, size_t len,
                  size_t *same);

/* Forgets what is kept of ssl. */
void pending_forget(const void *ssl);

#pragma GCC visibility pop

#endif
