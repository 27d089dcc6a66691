#ifndef CDEMO_FIELDS_H
#define CDEMO_FIELDS_H

/*
 * Objects of the plan: the fields that they may have, and where the values are
 * stored. An unknown field is an error, and is never ignored.
 */

#include <stdbool.h>

#include <jansson.h>

/* How the program ends. */
enum exit_code {
  EXIT_CARRIED_OUT = 0,   /* the plan was carried out, whatever the results */
  EXIT_BROKEN = 1,        /* the program itself failed */
  EXIT_BAD_PLAN = 2,      /* the plan cannot be read */
  EXIT_UNIMPLEMENTED = 3  /* the plan needs something that this program does
                             not support */
};

/* What is wrong with a plan, in one line. */
struct plan_error {
  char text[512];
};

/* A word in the document and its value. An entry without text ends a list of
   them. */
struct word {
  const char *text;
  int value;
};

/* A field that an object may have, and where its value is stored: in one of
   the five, or in none for a list, which other code reads. */
struct field {
  const char *name;
  bool required;
  const char **string;      /* belongs to the document */
  long *number;             /* 0 to INT_MAX */
  bool *truth;
  json_t **object;          /* belongs to the document */
  const struct word *words; /* a string, one of these */
  int *word;
};

/* Reads the fields of an object; a nameless field ends the list. The value of
   a missing field is left unchanged. where names the object in errors: "the
   plan", or a request by its position. */
enum exit_code fields_read(const struct field *fields, json_t *object,
                           const char *where, struct plan_error *error);

/* Sets the error and returns the code. */
__attribute__((format(printf, 3, 4)))
enum exit_code refuse(struct plan_error *error, enum exit_code code,
                      const char *format, ...);

#endif
