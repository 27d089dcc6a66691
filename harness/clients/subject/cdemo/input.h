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
  size_t begin; /* what is in the buffer and not yet taken */
  size_t end;
  bool ended;   /* nothing more will be read */
};

void input_init(struct input *input, int fd);

/* Reads what is there, and waits if nothing is. False when no more will come,
   be it for an error, and when the buffer is full. */
bool input_fill(struct input *input);

/* Takes one byte, waiting for it. False at the end. */
bool input_byte(struct input *input, char *byte);

/* Takes a line from the buffer, without its end. One that has no end is taken
   at the end of the input, and in pieces when it fills the buffer. NULL when
   there is none. It is good until the next call. */
const char *input_line(struct input *input);

#endif
