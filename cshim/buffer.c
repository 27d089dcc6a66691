/*
 * buffer.c: bytes that grow as they come, and the memory of those that are
 * done with. A response needs some from its first byte until the caller has
 * read it; a loop with many requests in flight has few of those at a time, and
 * the next one takes what the last one has warmed.
 */
#include <stdlib.h>
#include <string.h>
#include "internal.h"

#define LEAST_CAPACITY 1024

/* What is all there at once, as the text of a request is, has so much room
   beyond it at most: each handle keeps one. */
#define EXACT 64

/* So many bytes are kept at most while requests are in flight. Where misuse of
   memory is looked for none are, for it to show. */
#ifdef __SANITIZE_ADDRESS__
#define SPARE_BYTES 0
#else
#define SPARE_BYTES (2 * 1024 * 1024)
#endif

/* Lies in the memory that nobody needs. */
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
