#ifndef CDEMO_SESSION_H
#define CDEMO_SESSION_H

/*
 * A session: the transfers of a plan and the multi handle they share. The
 * driver loops until session_goes_on() returns false, and calls
 * session_collect() after each call into the multi handle.
 */

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "plan.h"
#include "transfer.h"

struct session {
  const struct plan *plan;
  CURLM *multi;
  struct transfer *transfers; /* one for each request, in order */
  size_t completed;           /* how many of them have ended by themselves */
  size_t removed;             /* how many were taken out before they had */
  bool rest_is_due;           /* the first one is still alone */
  size_t turns;               /* how often libcurl was called to go on */
  long long started_ns;
  long long moved_ns;         /* when something was last received or done */
  char stopped[256];          /* why it was given up, empty when it was not */
  enum exit_code code;        /* what that makes of the program's end */
};

/* Makes the multi handle and every easy handle. False when libcurl or memory
   refuses; the session is to be closed in either case. */
bool session_open(struct session *session, const struct plan *plan);

/* Adds the handles that no step adds; where the plan has the first one be
   alone, session_collect() adds the others when that has ended. */
void session_add_first(struct session *session);

/* Adds the handle of a request, which is in no multi handle. */
void session_add(struct session *session, struct transfer *transfer);

/* Takes out the handle of a request that has not ended. */
void session_remove(struct session *session, struct transfer *transfer);

/* Takes the messages of the transfers that have ended, after libcurl was
   called to go on. Adds those that waited for the first one. */
void session_collect(struct session *session);

/* False when every transfer has ended, when the session was stopped, and
   when nothing was received for the stall limit, which stops it. */
bool session_goes_on(struct session *session);

/* Milliseconds until the stall limit, at least 0, rounded up. */
long session_patience_ms(const struct session *session);

/* Gives the session up; the first reason stays. The program carries on to a
   report of what there is. */
__attribute__((format(printf, 2, 3)))
void session_stop(struct session *session, const char *format, ...);

/* Frees what session_open() made. */
void session_close(struct session *session);

#endif
