#ifndef CDEMO_FIELDS_H
#define CDEMO_FIELDS_H

/*
 * Objects of the plan: which fields they may have, and where the values go.
 * What is not listed is refused, never passed over.
 */

#include <stdbool.h>

#include <jansson.h>

/* How the program ends. */
enum exit_code {
  EXIT_CARRIED_OUT = 0,   /* the plan was carried out, whatever came of it */
  EXIT_BROKEN = 1,        /* the program itself could not go on */
  EXIT_BAD_PLAN = 2,      /* the plan cannot be read */
  EXIT_UNIMPLEMENTED = 3  /* the plan asks for what this program cannot do */
};

/* What is wrong with a plan, in one line. */
struct plan_error {
  char text[512];
};

/* A word in the document and the value it stands for. A list of them ends
   with one that has no text. */
struct word {
  const char *text;
  int value;
};

/* What may stand in an object: the name of a field and where its value goes
   (one of the five, or none: a list is read by who knows what is in it). */
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

/* Reads the fields of an object; the list ends with a nameless one. What is
   not in the object stays as it is. where names the object in errors: "the
   plan", or a request by its place. */
enum exit_code fields_read(const struct field *fields, json_t *object,
                           const char *where, struct plan_error *error);

/* Fills in the error and returns the code. */
__attribute__((format(printf, 3, 4)))
enum exit_code refuse(struct plan_error *error, enum exit_code code,
                      const char *format, ...);

#endif
