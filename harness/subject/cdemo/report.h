#ifndef CDEMO_REPORT_H
#define CDEMO_REPORT_H

/*
 * The report: what came of a plan, one JSON document on one line.
 */

#include <stdbool.h>
#include <stdio.h>

#include "drive.h"

/* Writes the report of a session that does not go on any more. False when it
   could not be written whole. */
bool report_write(const struct session *session, FILE *out);

#endif
