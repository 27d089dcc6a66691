#ifndef CDEMO_REPORT_H
#define CDEMO_REPORT_H

/*
 * The report: the results of a plan, one JSON document on one line.
 *
 * A result is answered when its transfer ended without an error. One that a
 * step took out before that is removed, with no error either. One that had not
 * ended when the session was given up has curl_code 0, times_completed 0 and,
 * as its error, the reason: "silent for 5000 ms".
 */

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "session.h"

/* How many file descriptors this process has open. */
int report_open_fds(void);

/* Makes the report of a session that has ended. Returns NULL if there is no
   memory for it. report_write() frees it. */
json_t *report_make(const struct session *session);

/* Writes and frees the report, with the number of file descriptors that are
   open in addition to those before the session. Returns false if it was not
   written completely. */
bool report_write(json_t *report, int open_fds_after, FILE *out);

#endif
