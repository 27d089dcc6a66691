/*
 * buffer.c: bytes that grow as they come.
 */
#include <stdlib.h>
#include <string.h>
#include "internal.h"

static bool reserve(struct buffer *buffer, size_t capacity)
{
  size_t bigger = buffer->capacity ? buffer->capacity : 1024;
  char *data;
  if(capacity <= buffer->capacity)
    return true;
  while(bigger < capacity) {
    if(bigger > SIZE_MAX / 2)
      return false;
    bigger *= 2;
  }
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
