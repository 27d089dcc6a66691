#include "steps.h"

#include <stdlib.h>
#include <string.h>

/* Marks the steps that wait for a signal. Returns false if there are none. */
static bool raise_signal(struct steps *steps, const char *name)
{
  const struct plan *plan = steps->session->plan;
  bool known = false;
  size_t i;

  for(i = 0; i < plan->step_count; i++) {
    if(plan->steps[i].condition == PLAN_SIGNAL &&
       !strcmp(plan->steps[i].signal, name))
      known = steps->raised[i] = true;
  }
  return known;
}

/* Gives up because of an unexpected line on stdin. */
static void misled(struct steps *steps, const char *line)
{
  session_stop(steps->session, "stdin: \"%.100s\" is not a signal that a step "
               "waits for", line);
  steps->session->code = EXIT_BAD_PLAN;
}

/* Takes the signals that are in the buffer. */
static void take_signals(struct steps *steps)
{
  static const char word[] = "signal ";
  const char *line;

  while((line = input_line(steps->input))) {
    if(strncmp(line, word, strlen(word)) ||
       !raise_signal(steps, line + strlen(word)))
      misled(steps, line);
  }
}

bool steps_init(struct steps *steps, struct session *session,
                struct input *input)
{
  const struct plan *plan = session->plan;
  size_t i;

  memset(steps, 0, sizeof(*steps));
  steps->session = session;
  steps->input = input;
  for(i = 0; i < plan->step_count; i++) {
    if(plan->steps[i].condition == PLAN_SIGNAL)
      steps->last_on_signal = i + 1;
  }
  if(!steps->last_on_signal)
    return true;
  steps->raised = calloc(plan->step_count, sizeof(*steps->raised));
  if(!steps->raised)
    return false;
  take_signals(steps); /* signals that were read together with the plan */
  return true;
}

void steps_read(struct steps *steps)
{
  input_fill(steps->input);
  take_signals(steps);
}

static bool is_due(const struct steps *steps, const struct plan_step *step)
{
  const struct session *session = steps->session;

  switch(step->condition) {
  case PLAN_SIGNAL:
    return steps->raised[steps->next];
  case PLAN_COMPLETED:
    return session->completed >= (size_t)step->completed;
  case PLAN_RECEIVED:
    return session->transfers[step->received].body_bytes >=
      (uint64_t)step->bytes;
  default:
    return true;
  }
}

static void resume(struct steps *steps, struct transfer *transfer)
{
  CURLcode code = transfer_resume(transfer);

  if(code)
    session_stop(steps->session, "curl_easy_pause: %s",
                 curl_easy_strerror(code));
  steps->woke = true;
}

static void set_option(struct session *session, CURLMoption option,
                       const char *name, long value)
{
  CURLMcode code = curl_multi_setopt(session->multi, option, value);

  if(code)
    session_stop(session, "curl_multi_setopt(%s): %s", name,
                 curl_multi_strerror(code));
}

static void carry_out(struct steps *steps, const struct plan_step *step)
{
  struct session *session = steps->session;
  struct transfer *transfer = &session->transfers[step->request];

  switch(step->action) {
  case PLAN_ADD:
    session_add(session, transfer);
    break;
  case PLAN_REMOVE:
    if(!transfer_ended(transfer))
      session_remove(session, transfer);
    break;
  case PLAN_PAUSE:
    transfer->pause_is_due = true;
    break;
  case PLAN_RESUME:
    if(!transfer_ended(transfer))
      resume(steps, transfer);
    break;
  case PLAN_SET_PIPELINING:
    set_option(session, CURLMOPT_PIPELINING, "CURLMOPT_PIPELINING",
               step->value);
    break;
  case PLAN_SET_LENGTH:
    set_option(session, CURLMOPT_MAX_PIPELINE_LENGTH,
               "CURLMOPT_MAX_PIPELINE_LENGTH", step->value);
    break;
  }
}

void steps_run(struct steps *steps)
{
  struct session *session = steps->session;
  const struct plan *plan = session->plan;

  while(!session->stopped[0] && steps->next < plan->step_count &&
        is_due(steps, &plan->steps[steps->next])) {
    carry_out(steps, &plan->steps[steps->next]);
    steps->next++;
    session->moved_ns = now_ns();
  }
}

int steps_input(const struct steps *steps)
{
  return steps->next < steps->last_on_signal && !steps->input->ended ?
    steps->input->fd : STEPS_NO_INPUT;
}

bool steps_woke(struct steps *steps)
{
  bool woke = steps->woke;

  steps->woke = false;
  return woke;
}

void steps_free(struct steps *steps)
{
  free(steps->raised);
  memset(steps, 0, sizeof(*steps));
}
