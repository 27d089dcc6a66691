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
  bool rest_is_due;           /* the others wait until the first one has
                                 ended */
  size_t turns;               /* how often libcurl was called to continue */
  long long started_ns;
  long long moved_ns;         /* when something was last received or done */
  char stopped[256];          /* why the session was given up; empty if it was
                                 not */
  enum exit_code code;        /* the exit code that follows from that */
};

/* Makes the multi handle and every easy handle. Returns false if libcurl fails
   or memory runs out. Close the session in either case. */
bool session_open(struct session *session, const struct plan *plan);

/* Adds the handles that no step adds. If the plan wants the first one to be
   alone, session_collect() adds the others when it has ended. */
void session_add_first(struct session *session);

/* Adds the handle of a request, which must not be in a multi handle. */
void session_add(struct session *session, struct transfer *transfer);

/* Takes out the handle of a request that has not ended. */
void session_remove(struct session *session, struct transfer *transfer);

/* Handles the messages of transfers that have ended, after each call of
   libcurl. Adds those that waited for the first one. */
void session_collect(struct session *session);

/* Returns false if every transfer has ended, if the session was stopped, or if
   nothing was received for the stall limit, which stops it. */
bool session_goes_on(struct session *session);

/* Milliseconds until the stall limit, at least 0, rounded up. */
long session_patience_ms(const struct session *session);

/* Gives the session up; the first reason is kept. The program goes on to
   report what there is. */
__attribute__((format(printf, 2, 3)))
void session_stop(struct session *session, const char *format, ...);

/* Frees what session_open() made. */
void session_close(struct session *session);

#endif
