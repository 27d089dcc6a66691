#include "plan.h"

#include <stdio.h>
#include <stdlib.h>

static const struct word action_words[] = {
  { "add", PLAN_ADD }, { "remove", PLAN_REMOVE }, { "pause", PLAN_PAUSE },
  { "resume", PLAN_RESUME }, { "pipelining", PLAN_SET_PIPELINING },
  { "pipeline_length", PLAN_SET_LENGTH }, { NULL, 0 }
};

/* Finds the position of the request that a step names. */
static enum exit_code find(size_t *place, const struct plan *plan,
                           const char *id, const char *where,
                           struct plan_error *error)
{
  const json_t *found = json_object_get(plan->places, id);

  if(!found)
    return refuse(error, EXIT_BAD_PLAN, "%s: there is no request \"%s\"",
                  where, id);
  *place = (size_t)json_integer_value(found);
  return EXIT_CARRIED_OUT;
}

static enum exit_code read_when(struct plan_step *step,
                                const struct plan *plan, json_t *object,
                                const char *where, struct plan_error *error)
{
  const char *received = NULL;
  enum exit_code code;
  const struct field fields[] = {
    { .name = "signal", .string = &step->signal },
    { .name = "completed", .number = &step->completed },
    { .name = "received", .string = &received },
    { .name = "bytes", .number = &step->bytes },
    { .name = NULL }
  };

  if(!object)
    return EXIT_CARRIED_OUT; /* at once */
  code = fields_read(fields, object, where, error);
  if(code)
    return code;
  if(!step->signal + !step->completed + !received < 2)
    return refuse(error, EXIT_BAD_PLAN, "%s waits for several things", where);
  if(!received != !step->bytes)
    return refuse(error, EXIT_BAD_PLAN,
                  "%s: \"received\" and \"bytes\" need each other", where);
  if(step->completed > (long)plan->request_count)
    return refuse(error, EXIT_BAD_PLAN,
                  "%s: \"completed\" is more than there are requests", where);
  if(received) {
    step->condition = PLAN_RECEIVED;
    return find(&step->received, plan, received, where, error);
  }
  if(step->signal)
    step->condition = PLAN_SIGNAL;
  else if(step->completed)
    step->condition = PLAN_COMPLETED;
  return EXIT_CARRIED_OUT;
}

static enum exit_code read_step(struct plan *plan, size_t index,
                                json_t *object, struct plan_error *error)
{
  struct plan_step *step = &plan->steps[index];
  const char *id = NULL;
  json_t *when = NULL;
  int action = PLAN_ADD;
  char where[64];
  bool of_request;
  enum exit_code code;
  const struct field fields[] = {
    { .name = "when", .object = &when },
    { .name = "do", .required = true, .words = action_words,
      .word = &action },
    { .name = "request", .string = &id },
    { .name = "value", .number = &step->value },
    { .name = NULL }
  };

  snprintf(where, sizeof(where), "step %zu of the plan", index + 1);
  code = fields_read(fields, object, where, error);
  if(code)
    return code;
  step->action = (enum plan_action)action;
  of_request = step->action <= PLAN_RESUME;
  if(of_request != (id != NULL) || (of_request && step->value))
    return refuse(error, EXIT_BAD_PLAN, "%s: \"%s\" takes a \"%s\" only",
                  where, action_words[action].text,
                  of_request ? "request" : "value");
  if(of_request)
    code = find(&step->request, plan, id, where, error);
  return code ? code : read_when(step, plan, when, where, error);
}

/* A request that a step adds must not be added twice, and must not be used by
   an earlier step. */
static enum exit_code check_adds(struct plan *plan, struct plan_error *error)
{
  size_t i;

  for(i = plan->step_count; i-- > 0;) {
    const struct plan_step *step = &plan->steps[i];
    struct plan_request *request = &plan->requests[step->request];

    /* from the end: requests that later steps add are marked */
    if(request->added_by_step &&
       (step->action == PLAN_ADD || step->action == PLAN_REMOVE ||
        step->action == PLAN_RESUME))
      return refuse(error, EXIT_BAD_PLAN, "step %zu of the plan is about "
                    "request \"%s\", which a later step adds", i + 1,
                    request->id);
    if(step->action == PLAN_ADD)
      request->added_by_step = true;
  }
  return EXIT_CARRIED_OUT;
}

enum exit_code plan_read_steps(struct plan *plan, struct plan_error *error)
{
  json_t *list = json_object_get(plan->document, "steps");
  size_t count = json_array_size(list);
  size_t i;

  if(list && !json_is_array(list))
    return refuse(error, EXIT_BAD_PLAN, "the plan: \"steps\" must be a list");
  if(!count)
    return EXIT_CARRIED_OUT;
  plan->steps = calloc(count, sizeof(*plan->steps));
  if(!plan->steps)
    return refuse(error, EXIT_BROKEN, "out of memory for %zu steps", count);
  plan->step_count = count;
  for(i = 0; i < count; i++) {
    enum exit_code code = read_step(plan, i, json_array_get(list, i), error);
    if(code)
      return code;
  }
  return check_adds(plan, error);
}
