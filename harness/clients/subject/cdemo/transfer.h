#ifndef CDEMO_TRANSFER_H
#define CDEMO_TRANSFER_H

/*
 * One request of the plan: its easy handle, and what came of it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "plan.h"

#define TRANSFER_BODY_ID_MAX 128

struct transfer {
  const struct plan_request *request;
  CURL *easy;
  struct curl_slist *headers;
  char *upload;         /* the body of a POST, NULL without one */
  bool in_multi;
  bool pause_is_due;    /* the write callback will pause it */
  bool paused;          /* the write callback has */

  long long queued_ns;  /* CLOCK_MONOTONIC when it was added, 0 before */

  /* what was received; moved_ns is CLOCK_MONOTONIC of the latest of it, over
     all transfers of a session */
  long long *moved_ns;
  uint64_t body_bytes;
  uint64_t paused_bytes; /* given to the write callback while it was paused */
  uint64_t body_hash;   /* 64-bit FNV-1a */
  char body_id[TRANSFER_BODY_ID_MAX + 1]; /* first line, what of it fits */
  size_t body_id_len;
  bool body_id_whole;   /* the end of the first line was seen */

  /* how it ended */
  bool removed;         /* a step took it out before it had ended */
  long times_completed; /* messages CURLMSG_DONE */
  CURLcode code;        /* of the last one */
  long status;          /* of the response, 0 when there was none */
  char error[CURL_ERROR_SIZE]; /* libcurl's words, may be empty */
};

/* Nanoseconds of CLOCK_MONOTONIC. */
long long now_ns(void);

/* True when the libcurl that is loaded can be held to exactly this version
   of TLS; else error says why. */
bool transfer_tls_possible(enum plan_tls tls, struct plan_error *error);

/* Makes the easy handle for a request, ready to be added. False when libcurl
   or memory refuses; the transfer is to be freed in either case. */
bool transfer_init(struct transfer *transfer, const struct plan *plan,
                   const struct plan_request *request, long long *moved_ns);

/* Takes note of a CURLMSG_DONE. */
void transfer_completed(struct transfer *transfer, CURLcode code);

/* Takes note of its having been taken out before it had ended. */
void transfer_removed(struct transfer *transfer);

/* True when it has ended by itself or was taken out. */
bool transfer_ended(const struct transfer *transfer);

/* Lets a paused transfer that has not ended go on; the write callback is often
   called before this returns. One that is not paused yet will not be. */
CURLcode transfer_resume(struct transfer *transfer);

/* Frees what transfer_init() made; the easy handle is in no multi handle. */
void transfer_free(struct transfer *transfer);

#endif
