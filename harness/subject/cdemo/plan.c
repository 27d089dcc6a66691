#include "plan.h"

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A word in the document and the value it stands for. */
struct word {
  const char *text;
  int value;
};

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

/* What may stand in an object: the name of a field and where its value goes
   (one of the four). */
struct field {
  const char *name;
  bool required;
  const char **string;
  long *number;             /* 0 to INT_MAX */
  bool *truth;
  const struct word *words; /* a string, one of these */
  int *word;
};

__attribute__((format(printf, 3, 4)))
static enum exit_code refuse(struct plan_error *error, enum exit_code code,
                             const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(error->text, sizeof(error->text), format, arguments);
  va_end(arguments);
  return code;
}

/* where names the object in errors: "the plan", or a request by its place. */
static enum exit_code read_field(const struct field *field, json_t *value,
                                 const char *where, struct plan_error *error)
{
  if(field->number) {
    json_int_t number = json_integer_value(value);
    if(!json_is_integer(value) || number < 0 || number > INT_MAX)
      return refuse(error, EXIT_BAD_PLAN,
                    "%s: \"%s\" must be a whole number from 0 to %d",
                    where, field->name, INT_MAX);
    *field->number = (long)number;
    return EXIT_CARRIED_OUT;
  }

  if(field->truth) {
    if(!json_is_boolean(value))
      return refuse(error, EXIT_BAD_PLAN, "%s: \"%s\" must be true or false",
                    where, field->name);
    *field->truth = json_is_true(value);
    return EXIT_CARRIED_OUT;
  }

  if(!json_is_string(value) ||
     strlen(json_string_value(value)) != json_string_length(value))
    return refuse(error, EXIT_BAD_PLAN, "%s: \"%s\" must be a string",
                  where, field->name);
  if(field->words) {
    const struct word *word;
    for(word = field->words; word->text; word++) {
      if(!strcmp(word->text, json_string_value(value))) {
        *field->word = word->value;
        return EXIT_CARRIED_OUT;
      }
    }
    return refuse(error, EXIT_UNIMPLEMENTED,
                  "unimplemented: %s asks for \"%s\": \"%s\"", where,
                  field->name, json_string_value(value));
  }
  *field->string = json_string_value(value);
  return EXIT_CARRIED_OUT;
}

static bool is_field(const struct field *fields, const char *name)
{
  for(; fields->name; fields++) {
    if(!strcmp(fields->name, name))
      return true;
  }
  return false;
}

/* Reads the fields of an object; the list ends with a nameless one. */
static enum exit_code read_object(const struct field *fields, json_t *object,
                                  const char *where,
                                  struct plan_error *error)
{
  const struct field *field;
  const char *name;
  json_t *value;

  if(!json_is_object(object))
    return refuse(error, EXIT_BAD_PLAN, "%s must be a JSON object", where);

  for(field = fields; field->name; field++) {
    value = json_object_get(object, field->name);
    if(!value && field->required)
      return refuse(error, EXIT_BAD_PLAN, "%s has no \"%s\"", where,
                    field->name);
    /* a list is read by who knows what is in it */
    if(value && (field->string || field->number || field->truth ||
                 field->words)) {
      enum exit_code code = read_field(field, value, where, error);
      if(code)
        return code;
    }
  }
  json_object_foreach(object, name, value) {
    if(!is_field(fields, name))
      return refuse(error, EXIT_UNIMPLEMENTED,
                    "unimplemented: %s asks for \"%s\"", where, name);
  }
  return EXIT_CARRIED_OUT;
}

static enum exit_code read_request(struct plan_request *request,
                                   json_t *object, size_t index,
                                   struct plan_error *error)
{
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
  code = read_object(fields, object, where, error);
  if(code)
    return code;
  if(!*request->id)
    return refuse(error, EXIT_BAD_PLAN, "%s: \"id\" is empty", where);
  if(*request->path != '/')
    return refuse(error, EXIT_BAD_PLAN,
                  "%s: \"path\" must begin with a slash", where);
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
  if(!plan->requests)
    return refuse(error, EXIT_BROKEN, "out of memory for %zu requests",
                  json_array_size(list));
  plan->request_count = json_array_size(list);

  for(i = 0; i < plan->request_count; i++) {
    enum exit_code code = read_request(&plan->requests[i],
                                       json_array_get(list, i), i, error);
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
    { .name = "concurrent", .number = &plan->concurrent },
    { .name = "receive_buffer", .number = &plan->receive_buffer },
    { .name = "follow_redirects", .truth = &plan->follow_redirects },
    { .name = "requests", .required = true },
    { .name = NULL }
  };

  plan->ca_file = "";
  code = read_object(fields, plan->document, "the plan", error);
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
  return read_requests(plan, error);
}

enum exit_code plan_read(struct plan *plan, FILE *in,
                         struct plan_error *error)
{
  json_error_t json_error;
  enum exit_code code;

  memset(plan, 0, sizeof(*plan));
  plan->document = json_loadf(in, JSON_REJECT_DUPLICATES, &json_error);
  if(!plan->document)
    return refuse(error, EXIT_BAD_PLAN,
                  "the plan on stdin is not JSON: line %d: %s",
                  json_error.line, json_error.text);
  code = read_plan(plan, error);
  if(code)
    plan_free(plan);
  return code;
}

void plan_free(struct plan *plan)
{
  free(plan->requests);
  json_decref(plan->document);
  memset(plan, 0, sizeof(*plan));
}

const char *plan_driver_name(enum plan_driver driver)
{
  return driver_words[driver].text;
}
