#ifndef CDEMO_INPUT_H
#define CDEMO_INPUT_H

/*
 * Standard input: the plan's document first, then lines that may come at any
 * time. It is read only when the subject is about to act upon it: the writer of
 * a line sees that the subject noticed the line by its having been read.
 */

#include <stdbool.h>
#include <stddef.h>

#define INPUT_SIZE 4096

struct input {
  int fd;
  char buffer[INPUT_SIZE];
  size_t begin; /* bytes in the buffer that were not taken yet */
  size_t end;
  bool ended;   /* nothing more will be read */
};

void input_init(struct input *input, int fd);

/* Reads what is available, and waits if nothing is. Returns false if nothing
   more will come, because of the end or an error, or if the buffer is full. */
bool input_fill(struct input *input);

/* Takes one byte, and waits for it. Returns false at the end. */
bool input_byte(struct input *input, char *byte);

/* Takes a line from the buffer, without its line end. A line without an end is
   returned at the end of the input, and in pieces if it fills the buffer.
   Returns NULL if there is no line. The line is valid until the next call. */
const char *input_line(struct input *input);

#endif
