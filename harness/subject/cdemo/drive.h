#ifndef CDEMO_DRIVE_H
#define CDEMO_DRIVE_H

/*
 * A session: the transfers of a plan and the multi handle they share, and the
 * two ways to drive it. A driver goes round like this, however it waits:
 *
 *   while(session_goes_on(session)) {
 *     session_add_due(session);
 *     (wait; call into the multi handle)
 *     session_collect(session);
 *   }
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
  size_t added;               /* how many of them were added so far */
  size_t completed;           /* how many of them have ended */
  long long started_ns;
  long long moved_ns;         /* when something was last received */
  char stopped[256];          /* why it was given up, empty when it was not */
};

/* Makes the multi handle and every easy handle. False when libcurl or memory
   refuses; the session is to be closed in either case. */
bool session_open(struct session *session, const struct plan *plan);

/* Adds the handles whose turn it is. */
void session_add_due(struct session *session);

/* Takes the messages of the transfers that have ended. */
void session_collect(struct session *session);

/* False when every transfer has ended, when the session was stopped, and
   when nothing was received for the stall limit, which stops it. */
bool session_goes_on(struct session *session);

/* Milliseconds until the stall limit, at least 0, rounded up. */
long session_patience_ms(const struct session *session);

/* Gives the session up; the first reason stays. */
__attribute__((format(printf, 2, 3)))
void session_stop(struct session *session, const char *format, ...);

/* Frees what session_open() made. */
void session_close(struct session *session);

/* The drivers. They return when the session does not go on. */
void drive_perform(struct session *session);
void drive_socket(struct session *session);

#endif
