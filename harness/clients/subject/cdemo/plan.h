#ifndef CDEMO_PLAN_H
#define CDEMO_PLAN_H

/*
 * The plan: what the laboratory wants this program to do, one JSON document.
 */

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "fields.h"
#include "input.h"

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
  long header_bytes;  /* length of X-Padding's value; 0: no such field */
  const char *credentials;   /* "user:password", NULL for none */
  const char *custom_method; /* sent in place of the method, NULL for none */
  long body_bytes;    /* size of a POST's body */
  long timeout_ms;    /* for the whole transfer, 0 for none */
  long abort_at_bytes; /* the write callback fails after this many bytes; 0:
                          never */
  bool added_by_step; /* and therefore not added at the start */
};

/* What a step waits for. */
enum plan_condition {
  PLAN_AT_ONCE,
  PLAN_SIGNAL,    /* a line on stdin has raised it */
  PLAN_COMPLETED, /* this many transfers have ended by themselves */
  PLAN_RECEIVED   /* the write callback has been given this many bytes */
};

enum plan_action {
  PLAN_ADD,
  PLAN_REMOVE,
  PLAN_PAUSE,          /* done by the write callback, at its next call */
  PLAN_RESUME,
  PLAN_SET_PIPELINING, /* CURLMOPT_PIPELINING */
  PLAN_SET_LENGTH      /* CURLMOPT_MAX_PIPELINE_LENGTH */
};

/* Requests are identified by their position in the plan. */
struct plan_step {
  enum plan_condition condition;
  const char *signal;
  long completed;
  size_t received;
  long bytes;
  enum plan_action action;
  size_t request; /* of the first four actions */
  long value;     /* of the last two */
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
  bool first_alone;     /* the first request ends before others are added */
  struct plan_request *requests;
  size_t request_count;
  json_t *places;       /* positions of the requests, by their ids */
  struct plan_step *steps; /* carried out strictly in order */
  size_t step_count;
};

/* Reads the document at the beginning of the input, and the line in which it
   ends. Any result but EXIT_CARRIED_OUT is the exit code, error says why, and
   the plan then holds nothing. An unknown field is EXIT_UNIMPLEMENTED, and is
   never ignored. */
enum exit_code plan_read(struct plan *plan, struct input *input,
                         struct plan_error *error);

/* Reads the list of steps of a plan whose requests have been read. */
enum exit_code plan_read_steps(struct plan *plan, struct plan_error *error);

/* Frees what plan_read() made. */
void plan_free(struct plan *plan);

const char *plan_driver_name(enum plan_driver driver);

#endif
