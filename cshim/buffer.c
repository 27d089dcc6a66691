/*
 * buffer.c: buffers that grow as bytes arrive, and a list of freed ones. A
 * response needs a buffer from its first byte until the caller has read it. Of
 * many requests in flight only a few need one at the same time, so the next
 * response reuses the memory of the last, which the CPU still has in its
 * cache.
 */
#include <stdlib.h>
#include <string.h>
#include "internal.h"

#define LEAST_CAPACITY 1024

/* Spare capacity of a buffer whose content is complete, such as the text of a
   request. It is small because each handle keeps such a buffer. */
#define EXACT 64

/* The most memory that is kept for reuse while requests are in flight. Under
   AddressSanitizer it is 0, because reuse would hide errors. */
#ifdef __SANITIZE_ADDRESS__
#define SPARE_BYTES 0
#else
#define SPARE_BYTES (2 * 1024 * 1024)
#endif

/* Header of a block of memory in the list of spares. */
struct spare {
  struct spare *next;
  size_t capacity;
};

static bool resize(struct buffer *buffer, size_t capacity)
{
  char *data = realloc(buffer->data, capacity);
  if(!data)
    return false;
  buffer->data = data;
  buffer->capacity = capacity;
  return true;
}

static size_t rounded(size_t size, size_t unit)
{
  return (size + unit - 1) / unit * unit;
}

bool buffer_reserve(struct buffer *buffer, size_t capacity)
{
  if(capacity <= buffer->capacity)
    return true;
  return capacity <= SIZE_MAX / 2 &&
         resize(buffer, rounded(capacity, LEAST_CAPACITY));
}

/* Doubles what grows. */
static bool make_room(struct buffer *buffer, size_t capacity)
{
  size_t bigger = buffer->capacity ? buffer->capacity : LEAST_CAPACITY;
  if(capacity <= buffer->capacity)
    return true;
  if(capacity > SIZE_MAX / 2)
    return false;
  if(!buffer->length)
    return resize(buffer, rounded(capacity, EXACT));
  while(bigger < capacity)
    bigger *= 2;
  return resize(buffer, bigger);
}

bool buffer_append(struct buffer *buffer, const char *data, size_t length)
{
  if(length > SIZE_MAX - buffer->length ||
     !make_room(buffer, buffer->length + length))
    return false;
  if(length)
    memcpy(buffer->data + buffer->length, data, length);
  buffer->length += length;
  return true;
}

void buffer_free(struct buffer *buffer)
{
  free(buffer->data);
  memset(buffer, 0, sizeof(*buffer));
}

bool buffer_take(struct cshim_loop *loop, struct buffer *buffer)
{
  struct spare *spare = loop->spares;
  if(buffer->capacity)
    return true;
  if(!spare)
    return buffer_reserve(buffer, LEAST_CAPACITY);
  loop->spares = spare->next;
  loop->spare_bytes -= spare->capacity;
  buffer->capacity = spare->capacity;
  buffer->data = (char *)spare;
  return true;
}

void buffer_give(struct cshim_loop *loop, struct buffer *buffer)
{
  struct spare *spare = (void *)buffer->data;
  if(buffer->capacity < LEAST_CAPACITY ||
     buffer->capacity > SPARE_BYTES - loop->spare_bytes) {
    buffer_free(buffer);
    return;
  }
  spare->next = loop->spares;
  spare->capacity = buffer->capacity;
  loop->spares = spare;
  loop->spare_bytes += spare->capacity;
  memset(buffer, 0, sizeof(*buffer));
}

void buffer_free_spares(struct cshim_loop *loop)
{
  while(loop->spares) {
    struct spare *spare = loop->spares;
    loop->spares = spare->next;
    free(spare);
  }
  loop->spare_bytes = 0;
}
