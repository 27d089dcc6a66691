#ifndef CDEMO_PLAN_H
#define CDEMO_PLAN_H

/*
 * The plan: what the laboratory asks this program to do, one JSON document.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

/* How the program ends. */
enum exit_code {
  EXIT_CARRIED_OUT = 0,   /* the plan was carried out, whatever came of it */
  EXIT_BROKEN = 1,        /* the program itself could not go on */
  EXIT_BAD_PLAN = 2,      /* the plan cannot be read */
  EXIT_UNIMPLEMENTED = 3  /* the plan asks for what this program cannot do */
};

enum plan_tls {
  PLAN_PLAIN,
  PLAN_TLS_1_2,
  PLAN_TLS_1_3
};

enum plan_driver {
  PLAN_PERFORM,  /* curl_multi_perform(), curl_multi_fdset(), select() */
  PLAN_SOCKET    /* curl_multi_socket_action(), epoll */
};

enum plan_method {
  PLAN_GET,
  PLAN_HEAD,
  PLAN_POST
};

struct plan_request {
  const char *id;     /* sent as X-Request-Id */
  const char *path;   /* path and query, from the first slash on */
  enum plan_method method;
  long header_bytes;  /* length of X-Padding's value; 0: no such header */
  const char *credentials;   /* "user:password", NULL for none */
  const char *custom_method; /* sent in place of the method, NULL for none */
  long body_bytes;    /* size of the body of a POST */
  long timeout_ms;    /* for the whole transfer, 0 for none */
  long abort_at_bytes; /* the write callback fails when so many have come; 0:
                          it does not */
};

/* Strings belong to the document. */
struct plan {
  json_t *document;
  const char *url;      /* scheme and authority of the origin */
  const char *ca_file;  /* "" for PLAN_PLAIN */
  enum plan_tls tls;    /* exactly this version */
  enum plan_driver driver;
  long max_host_connections;
  long pipelining;
  long max_pipeline_length;
  long stall_limit_ms;  /* nothing received for this long: stop */
  long receive_buffer;  /* CURLOPT_BUFFERSIZE; 0: libcurl's own */
  bool follow_redirects;
  long concurrent;      /* so many handles in the multi handle at a time, the
                           next one when one has finished; 0: no limit */
  struct plan_request *requests;
  size_t request_count;
};

/* What is wrong with a plan, in one line. */
struct plan_error {
  char text[512];
};

/* Reads one document from in. Anything but EXIT_CARRIED_OUT is the code to
   end with, and error says why; the plan then holds nothing. A field this
   program does not know is EXIT_UNIMPLEMENTED: it is never passed over. */
enum exit_code plan_read(struct plan *plan, FILE *in,
                         struct plan_error *error);

/* Frees what plan_read() made. */
void plan_free(struct plan *plan);

const char *plan_driver_name(enum plan_driver driver);

#endif
