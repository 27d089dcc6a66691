#include "frame.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Type, connection and length. */
#define HEADER_SIZE 9

void give_up(const char *format, ...)
{
  va_list arguments;

  fputs("tls-engine: ", stderr);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(EXIT_FAILURE);
}

static uint32_t number_at(const unsigned char *bytes)
{
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
    (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
}

static void put_number(unsigned char *bytes, uint32_t number)
{
  bytes[0] = (unsigned char)(number >> 24);
  bytes[1] = (unsigned char)(number >> 16);
  bytes[2] = (unsigned char)(number >> 8);
  bytes[3] = (unsigned char)number;
}

bool frame_read(struct frame *frame)
{
  unsigned char header[HEADER_SIZE];
  size_t got = fread(header, 1, sizeof(header), stdin);

  if(!got && feof(stdin))
    return false;
  if(got < sizeof(header))
    give_up("stdin ended within the header of a command");
  frame->type = (enum frame_type)header[0];
  frame->connection = number_at(header + 1);
  frame->length = number_at(header + 5);
  if(frame->length > sizeof(frame->content))
    give_up("a command of %zu bytes, more than %zu, is none", frame->length,
            sizeof(frame->content));
  if(fread(frame->content, 1, frame->length, stdin) < frame->length)
    give_up("stdin ended within a command");
  return true;
}

void frame_write(enum frame_type type, uint32_t connection,
                 const void *content, size_t length)
{
  unsigned char header[HEADER_SIZE];

  header[0] = (unsigned char)type;
  put_number(header + 1, connection);
  put_number(header + 5, (uint32_t)length);
  if(fwrite(header, 1, sizeof(header), stdout) < sizeof(header) ||
     fwrite(content, 1, length, stdout) < length ||
     (type == FRAME_DONE && fflush(stdout)))
    give_up("cannot write to stdout");
}
