#ifndef CDEMO_DRIVE_H
#define CDEMO_DRIVE_H

/*
 * The two ways to drive a session. Both go round like this, however they
 * wait, and return when the session does not go on:
 *
 *   session_add_first(session);
 *   while(session_goes_on(session)) {
 *     steps_run(steps);
 *     (wait for sockets and for the steps' input)
 *     steps_read(steps) if there is input, and steps_run(steps)
 *     (call into the multi handle)
 *     session_collect(session);
 *   }
 *
 * Nothing comes between reading a signal and the steps that waited for it: the
 * origin goes on as soon as the signal has been read.
 */

#include "session.h"
#include "steps.h"

void drive_perform(struct session *session, struct steps *steps);
void drive_socket(struct session *session, struct steps *steps);

#endif
