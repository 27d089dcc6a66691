#ifndef CDEMO_STEPS_H
#define CDEMO_STEPS_H

/*
 * The steps of a plan: what is done to a session between two calls into the
 * multi handle. They are carried out strictly in order: a step waits for its
 * condition, and those behind it wait for the step.
 *
 * Conditions stay true once they are. That is true of signals as well: one
 * signal releases all steps that wait for it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "input.h"
#include "session.h"

#define STEPS_NO_INPUT (-1)

struct steps {
  struct session *session;
  struct input *input;
  bool *raised;          /* for each step: the signal it waits for was
                            raised */
  size_t next;           /* the first step that has not been carried out */
  size_t last_on_signal; /* one more than the last step that waits for a
                            signal */
  bool woke;             /* something was resumed */
};

/* Prepares the steps of an open session. Returns false if there is no memory.
   Free the steps in either case. */
bool steps_init(struct steps *steps, struct session *session,
                struct input *input);

/* Carries out the steps whose conditions are true, in order. */
void steps_run(struct steps *steps);

/* The descriptor to wait for, or STEPS_NO_INPUT if no remaining step waits for
   a signal, or no signal can arrive any more. */
int steps_input(const struct steps *steps);

/* Takes the signals that have arrived; waits if none has. */
void steps_read(struct steps *steps);

/* Returns true if a transfer was resumed since the last call. libcurl then has
   to be called at once, which curl_easy_pause() does not report to a
   CURLMOPT_TIMERFUNCTION. */
bool steps_woke(struct steps *steps);

void steps_free(struct steps *steps);

#endif
