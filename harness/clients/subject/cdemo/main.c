/*
 * c-demo: the demo client of the report of March 2016, written anew.
 *
 * It is one of the subjects: pipelab starts it with a plan on stdin, it adds
 * one easy handle for each request to a multi handle with the report's
 * settings, runs them to completion against the origin, carries out the plan's
 * steps meanwhile, and prints a report.
 * The same executable runs with any libcurl.so.4 that LD_LIBRARY_PATH names.
 *
 * Exit codes: enum exit_code in plan.h. With any but 0 there is one line on
 * stderr, else none.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <curl/curl.h>

#include "drive.h"
#include "input.h"
#include "plan.h"
#include "report.h"
#include "session.h"
#include "steps.h"

static enum exit_code complain(enum exit_code code, const char *text)
{
  fprintf(stderr, "c-demo: %s\n", text);
  return code;
}

/* Drives an open session to its end. */
static enum exit_code drive(struct session *session, struct input *input)
{
  struct steps steps;

  if(!steps_init(&steps, session, input))
    return complain(EXIT_BROKEN, "out of memory for the steps of the plan");
  if(session->plan->driver == PLAN_SOCKET)
    drive_socket(session, &steps);
  else
    drive_perform(session, &steps);
  steps_free(&steps);
  return session->code ? complain(session->code, session->stopped) :
    EXIT_CARRIED_OUT;
}

/* The file descriptor that the environment names, as it does in a wrapper,
   which has the standard ones; otherwise the usual one. */
static int given(const char *variable, int usual)
{
  const char *text = getenv(variable);
  int fd = text ? atoi(text) : 0;

  return fd > STDERR_FILENO ? fd : usual;
}

/* Writes the report to where it is expected. */
static bool hand_over(json_t *report, int open_fds_after)
{
  FILE *out = fdopen(given("PIPELAB_REPORT_FD", STDOUT_FILENO), "w");

  if(out)
    return report_write(report, open_fds_after, out);
  json_decref(report);
  return false;
}

static enum exit_code carry_out(const struct plan *plan, struct input *input)
{
  struct session session;
  enum exit_code code;
  int fds_before = report_open_fds();
  json_t *report = NULL;

  if(!session_open(&session, plan))
    code = complain(EXIT_BROKEN,
                    "could not make the handles for the plan: out of memory, "
                    "or an option that this libcurl does not know");
  else {
    code = drive(&session, input);
    if(!code)
      report = report_make(&session);
  }
  session_close(&session);
  if(!code && !hand_over(report, report_open_fds() - fds_before))
    code = complain(EXIT_BROKEN, "could not write the report");
  return code;
}

int main(void)
{
  struct plan_error error;
  struct input input;
  struct plan plan;
  enum exit_code code;

  input_init(&input, given("PIPELAB_PLAN_FD", STDIN_FILENO));
  code = plan_read(&plan, &input, &error);
  if(code)
    return complain(code, error.text);

  /* with CURLOPT_NOSIGNAL the application has to do this */
  signal(SIGPIPE, SIG_IGN);
  if(curl_global_init(CURL_GLOBAL_DEFAULT))
    code = complain(EXIT_BROKEN, "curl_global_init failed");
  else {
    if(!transfer_tls_possible(plan.tls, &error))
      code = complain(EXIT_UNIMPLEMENTED, error.text);
    else
      code = carry_out(&plan, &input);
    curl_global_cleanup();
  }
  plan_free(&plan);
  return code;
}
