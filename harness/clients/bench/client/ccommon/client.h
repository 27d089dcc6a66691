#ifndef CURLPIPE_BENCH_CLIENT_H
#define CURLPIPE_BENCH_CLIENT_H

/*
 * What the bench's clients in C have in common: the contract of package
 * clientmain. A client calls client_parse(), warms up, calls client_start(),
 * gives client_done() each response of the measured phase, and ends with
 * client_print().
 */

#include <stddef.h>

struct arguments {
  const char *url;
  const char *ca_file;
  int depth;    /* requests in flight */
  int requests; /* in the measured phase */
  int warmup;   /* requests before it */
  size_t body;  /* size of each response's body */
  int http;     /* version, 1 or 2 */
};

/* Parses the command line, or ends the process with 2. */
void client_parse(struct arguments *arguments, int count, char **words);

/* Ends the process with 3 and a line on standard error: this client, or its
   libcurl, does not support the arguments. */
void client_cannot(const char *what) __attribute__((noreturn));

/* Ends the process with 1 and a line on standard error. */
void client_fail(const char *format, ...)
  __attribute__((format(printf, 1, 2), noreturn));

/* Seconds of a monotonic clock. */
double client_now(void);

/* Whether these size bytes are what the server sends, from offset on. */
int client_is_body(const struct arguments *arguments, const char *bytes,
                   size_t offset, size_t size);

void client_start(const struct arguments *arguments);

/* Counts a complete, correct response, and how long it took. */
void client_done(double seconds);

void client_print(const char *library);

/* Counts the allocations of the measured phase. */
void *client_malloc(size_t size);
void *client_calloc(size_t count, size_t size);
void *client_realloc(void *old, size_t size);
char *client_strdup(const char *text);

#endif
