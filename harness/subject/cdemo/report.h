#ifndef CDEMO_REPORT_H
#define CDEMO_REPORT_H

/*
 * The report: what came of a plan, one JSON document on one line.
 *
 * A result is answered when its transfer ended without an error. One that had
 * not ended when the session was given up has curl_code 0, times_completed 0
 * and, as its error, the reason: "silent for 5000 ms".
 */

#include <stdbool.h>
#include <stdio.h>

#include "drive.h"

/* Writes the report of a session that does not go on any more. False when it
   could not be written whole. */
bool report_write(const struct session *session, FILE *out);

#endif
