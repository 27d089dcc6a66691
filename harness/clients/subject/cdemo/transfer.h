#ifndef CDEMO_TRANSFER_H
#define CDEMO_TRANSFER_H

/*
 * A request of the plan: its easy handle and its result.
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

  /* *moved_ns is the CLOCK_MONOTONIC time when any transfer of the session
     last received something */
  long long *moved_ns;
  uint64_t body_bytes;
  uint64_t paused_bytes; /* given to the write callback while it was paused */
  uint64_t body_hash;   /* 64-bit FNV-1a */
  char body_id[TRANSFER_BODY_ID_MAX + 1]; /* first line, as far as it fits */
  size_t body_id_len;
  bool body_id_whole;   /* the end of the first line was seen */

  /* how it ended */
  bool removed;         /* a step took it out before it had ended */
  long times_completed; /* messages CURLMSG_DONE */
  CURLcode code;        /* of the last one */
  long status;          /* of the response; 0 if there was none */
  char error[CURL_ERROR_SIZE]; /* libcurl's description; may be empty */
};

/* Nanoseconds of CLOCK_MONOTONIC. */
long long now_ns(void);

/* True if the loaded libcurl can be limited to exactly this version of TLS;
   otherwise error says why. */
bool transfer_tls_possible(enum plan_tls tls, struct plan_error *error);

/* Makes the easy handle for a request, ready to be added. Returns false if
   libcurl fails or memory runs out. Free the transfer in either case. */
bool transfer_init(struct transfer *transfer, const struct plan *plan,
                   const struct plan_request *request, long long *moved_ns);

/* Records a CURLMSG_DONE. */
void transfer_completed(struct transfer *transfer, CURLcode code);

/* Records that it was taken out before it had ended. */
void transfer_removed(struct transfer *transfer);

/* True when it has ended by itself or was taken out. */
bool transfer_ended(const struct transfer *transfer);

/* Resumes a paused transfer that has not ended; the write callback is often
   called before this returns. A transfer that is not paused yet will not
   be. */
CURLcode transfer_resume(struct transfer *transfer);

/* Frees what transfer_init() made; the easy handle must not be in a multi
   handle. */
void transfer_free(struct transfer *transfer);

#endif
