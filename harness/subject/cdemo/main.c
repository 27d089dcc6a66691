/*
 * c-demo: the demo client of the report of March 2016, written anew.
 *
 * It is one of the subjects: pipelab starts it with a plan on stdin, it adds
 * one easy handle for each request to a multi handle with the report's
 * settings, runs them to completion against the origin, and prints a report.
 * The same executable runs with any libcurl.so.4 that LD_LIBRARY_PATH names.
 *
 * Exit codes: enum exit_code in plan.h. With any but 0 there is one line on
 * stderr, else none.
 */

#include <signal.h>
#include <stdio.h>

#include <curl/curl.h>

#include "drive.h"
#include "plan.h"
#include "report.h"

static enum exit_code complain(enum exit_code code, const char *text)
{
  fprintf(stderr, "c-demo: %s\n", text);
  return code;
}

static enum exit_code carry_out(const struct plan *plan)
{
  struct session session;
  enum exit_code code = EXIT_CARRIED_OUT;
  int fds_before = report_open_fds();
  json_t *report = NULL;

  if(!session_open(&session, plan))
    code = complain(EXIT_BROKEN,
                    "could not make the handles for the plan: out of memory, "
                    "or an option that this libcurl does not know");
  else {
    if(plan->driver == PLAN_SOCKET)
      drive_socket(&session);
    else
      drive_perform(&session);
    report = report_make(&session);
  }
  session_close(&session);
  if(!code && !report_write(report, report_open_fds() - fds_before, stdout))
    code = complain(EXIT_BROKEN, "could not write the report to stdout");
  return code;
}

int main(void)
{
  struct plan_error error;
  struct plan plan;
  enum exit_code code = plan_read(&plan, stdin, &error);

  if(code)
    return complain(code, error.text);

  /* with CURLOPT_NOSIGNAL this is the application's business */
  signal(SIGPIPE, SIG_IGN);
  if(curl_global_init(CURL_GLOBAL_DEFAULT))
    code = complain(EXIT_BROKEN, "curl_global_init failed");
  else {
    if(!transfer_tls_possible(plan.tls, &error))
      code = complain(EXIT_UNIMPLEMENTED, error.text);
    else
      code = carry_out(&plan);
    curl_global_cleanup();
  }
  plan_free(&plan);
  return code;
}
