#include "input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* One byte of the buffer is kept free, to terminate a line. */
#define ROOM (INPUT_SIZE - 1)

void input_init(struct input *input, int fd)
{
  input->fd = fd;
  input->begin = input->end = 0;
  input->ended = false;
}

bool input_fill(struct input *input)
{
  ssize_t count;

  if(input->begin) {
    memmove(input->buffer, input->buffer + input->begin,
            input->end - input->begin);
    input->end -= input->begin;
    input->begin = 0;
  }
  if(input->ended || input->end == ROOM)
    return false;
  do
    count = read(input->fd, input->buffer + input->end, ROOM - input->end);
  while(count < 0 && errno == EINTR);
  if(count <= 0)
    input->ended = true;
  else
    input->end += (size_t)count;
  return !input->ended;
}

bool input_byte(struct input *input, char *byte)
{
  if(input->begin == input->end && !input_fill(input))
    return false;
  *byte = input->buffer[input->begin++];
  return true;
}

const char *input_line(struct input *input)
{
  char *line = input->buffer + input->begin;
  size_t left = input->end - input->begin;
  char *end = memchr(line, '\n', left);

  if(end)
    input->begin += (size_t)(end - line) + 1;
  else if(left == ROOM || (input->ended && left)) {
    end = line + left;
    input->begin = input->end;
  }
  else
    return NULL;
  *end = 0;
  return line;
}
