#include "fields.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum exit_code refuse(struct plan_error *error, enum exit_code code,
                      const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(error->text, sizeof(error->text), format, arguments);
  va_end(arguments);
  return code;
}

static enum exit_code read_word(const struct field *field, const char *text,
                                const char *where, struct plan_error *error)
{
  const struct word *word;

  for(word = field->words; word->text; word++) {
    if(!strcmp(word->text, text)) {
      *field->word = word->value;
      return EXIT_CARRIED_OUT;
    }
  }
  return refuse(error, EXIT_UNIMPLEMENTED,
                "unimplemented: %s asks for \"%s\": \"%s\"", where,
                field->name, text);
}

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
  }
  else if(field->truth) {
    if(!json_is_boolean(value))
      return refuse(error, EXIT_BAD_PLAN, "%s: \"%s\" must be true or false",
                    where, field->name);
    *field->truth = json_is_true(value);
  }
  else if(field->object)
    *field->object = value;
  else if(field->string || field->words) {
    if(!json_is_string(value) ||
       strlen(json_string_value(value)) != json_string_length(value))
      return refuse(error, EXIT_BAD_PLAN, "%s: \"%s\" must be a string",
                    where, field->name);
    if(field->words)
      return read_word(field, json_string_value(value), where, error);
    *field->string = json_string_value(value);
  }
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

enum exit_code fields_read(const struct field *fields, json_t *object,
                           const char *where, struct plan_error *error)
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
    if(value) {
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
