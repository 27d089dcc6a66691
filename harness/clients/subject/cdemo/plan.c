#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct word tls_words[] = {
  { "", PLAN_PLAIN }, { "1.2", PLAN_TLS_1_2 }, { "1.3", PLAN_TLS_1_3 },
  { NULL, 0 }
};

static const struct word driver_words[] = {
  { "perform", PLAN_PERFORM }, { "socket", PLAN_SOCKET }, { NULL, 0 }
};

static const struct word method_words[] = {
  { "GET", PLAN_GET }, { "HEAD", PLAN_HEAD }, { "POST", PLAN_POST },
  { NULL, 0 }
};

static enum exit_code read_request(struct plan *plan, json_t *object,
                                   size_t index, struct plan_error *error)
{
  struct plan_request *request = &plan->requests[index];
  char where[64];
  int method = PLAN_GET;
  enum exit_code code;
  const struct field fields[] = {
    { .name = "id", .required = true, .string = &request->id },
    { .name = "path", .required = true, .string = &request->path },
    { .name = "method", .words = method_words, .word = &method },
    { .name = "header_bytes", .number = &request->header_bytes },
    { .name = "credentials", .string = &request->credentials },
    { .name = "custom_method", .string = &request->custom_method },
    { .name = "body_bytes", .number = &request->body_bytes },
    { .name = "timeout_ms", .number = &request->timeout_ms },
    { .name = "abort_at_bytes", .number = &request->abort_at_bytes },
    { .name = NULL }
  };

  snprintf(where, sizeof(where), "request %zu of the plan", index + 1);
  code = fields_read(fields, object, where, error);
  if(code)
    return code;
  if(!*request->id)
    return refuse(error, EXIT_BAD_PLAN, "%s: \"id\" is empty", where);
  if(*request->path != '/')
    return refuse(error, EXIT_BAD_PLAN,
                  "%s: \"path\" must begin with a slash", where);
  if(json_object_get(plan->places, request->id))
    return refuse(error, EXIT_BAD_PLAN, "%s: another one has its id \"%s\"",
                  where, request->id);
  if(json_object_set_new(plan->places, request->id,
                         json_integer((json_int_t)index)))
    return refuse(error, EXIT_BROKEN, "%s: out of memory for its id", where);
  request->method = (enum plan_method)method;
  return EXIT_CARRIED_OUT;
}

static enum exit_code read_requests(struct plan *plan,
                                    struct plan_error *error)
{
  json_t *list = json_object_get(plan->document, "requests");
  size_t i;

  if(!json_array_size(list))
    return refuse(error, EXIT_BAD_PLAN,
                  "the plan: \"requests\" must be a list with one or more");
  plan->requests = calloc(json_array_size(list), sizeof(*plan->requests));
  plan->places = json_object();
  if(!plan->requests || !plan->places)
    return refuse(error, EXIT_BROKEN, "out of memory for %zu requests",
                  json_array_size(list));
  plan->request_count = json_array_size(list);

  for(i = 0; i < plan->request_count; i++) {
    enum exit_code code = read_request(plan, json_array_get(list, i), i,
                                       error);
    if(code)
      return code;
  }
  return EXIT_CARRIED_OUT;
}

static enum exit_code read_plan(struct plan *plan, struct plan_error *error)
{
  int tls = PLAN_PLAIN;
  int driver = PLAN_PERFORM;
  bool https;
  enum exit_code code;
  const struct field fields[] = {
    { .name = "url", .required = true, .string = &plan->url },
    { .name = "ca_file", .string = &plan->ca_file },
    { .name = "tls", .words = tls_words, .word = &tls },
    { .name = "driver", .required = true, .words = driver_words,
      .word = &driver },
    { .name = "max_host_connections", .required = true,
      .number = &plan->max_host_connections },
    { .name = "pipelining", .required = true, .number = &plan->pipelining },
    { .name = "max_pipeline_length", .required = true,
      .number = &plan->max_pipeline_length },
    { .name = "stall_limit_ms", .required = true,
      .number = &plan->stall_limit_ms },
    { .name = "receive_buffer", .number = &plan->receive_buffer },
    { .name = "follow_redirects", .truth = &plan->follow_redirects },
    { .name = "first_alone", .truth = &plan->first_alone },
    { .name = "requests", .required = true },
    { .name = "steps" },
    { .name = NULL }
  };

  plan->ca_file = "";
  code = fields_read(fields, plan->document, "the plan", error);
  if(code)
    return code;
  plan->tls = (enum plan_tls)tls;
  plan->driver = (enum plan_driver)driver;

  https = !strncmp(plan->url, "https://", 8);
  if(!https && strncmp(plan->url, "http://", 7))
    return refuse(error, EXIT_BAD_PLAN, "the plan: \"url\" must begin with "
                  "http:// or https://, not \"%s\"", plan->url);
  if(https != (plan->tls != PLAN_PLAIN))
    return refuse(error, EXIT_BAD_PLAN, "the plan: \"url\" is %s but \"tls\" "
                  "says %s", plan->url, https ? "no TLS" : "TLS");
  if(https && !*plan->ca_file)
    return refuse(error, EXIT_BAD_PLAN,
                  "the plan: \"ca_file\" is needed for %s", plan->url);
  if(!plan->stall_limit_ms)
    return refuse(error, EXIT_BAD_PLAN,
                  "the plan: \"stall_limit_ms\" must not be 0");
  code = read_requests(plan, error);
  return code ? code : plan_read_steps(plan, error);
}

/* One byte at a time: jansson must not read beyond the document. */
static size_t on_load(void *buffer, size_t size, void *user)
{
  return size && input_byte(user, buffer) ? 1 : 0;
}

/* Only white space may follow the document on its last line. */
static bool ends_line(struct input *input)
{
  char byte;

  while(input_byte(input, &byte) && byte != '\n') {
    if(!strchr(" \t\r", byte))
      return false;
  }
  return true;
}

enum exit_code plan_read(struct plan *plan, struct input *input,
                         struct plan_error *error)
{
  json_error_t json_error;
  enum exit_code code;

  memset(plan, 0, sizeof(*plan));
  plan->document = json_load_callback(on_load, input, JSON_REJECT_DUPLICATES |
                                      JSON_DISABLE_EOF_CHECK, &json_error);
  if(!plan->document)
    return refuse(error, EXIT_BAD_PLAN,
                  "the plan on stdin is not JSON: line %d: %s",
                  json_error.line, json_error.text);
  if(ends_line(input))
    code = read_plan(plan, error);
  else
    code = refuse(error, EXIT_BAD_PLAN, "the plan on stdin is not JSON: "
                  "something follows the document in its last line");
  if(code)
    plan_free(plan);
  return code;
}

void plan_free(struct plan *plan)
{
  free(plan->requests);
  free(plan->steps);
  json_decref(plan->places);
  json_decref(plan->document);
  memset(plan, 0, sizeof(*plan));
}

const char *plan_driver_name(enum plan_driver driver)
{
  return driver_words[driver].text;
}
