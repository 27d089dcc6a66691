/*
 * buffer.c: bytes that grow as they come.
 */
#include <stdlib.h>
#include <string.h>
#include "internal.h"

#define LEAST_CAPACITY 1024

/* Doubles what grows, and has what is all there at once fit: the text of a
   request is, and each handle keeps one. */
static bool reserve(struct buffer *buffer, size_t capacity)
{
  size_t bigger = buffer->capacity ? buffer->capacity : LEAST_CAPACITY;
  char *data;
  if(capacity <= buffer->capacity)
    return true;
  if(capacity > SIZE_MAX / 2)
    return false;
  if(!buffer->length)
    bigger = capacity + LEAST_CAPACITY - capacity % LEAST_CAPACITY;
  while(bigger < capacity)
    bigger *= 2;
  data = realloc(buffer->data, bigger);
  if(!data)
    return false;
  buffer->data = data;
  buffer->capacity = bigger;
  return true;
}

bool buffer_append(struct buffer *buffer, const char *data, size_t length)
{
  if(length > SIZE_MAX - buffer->length ||
     !reserve(buffer, buffer->length + length))
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
