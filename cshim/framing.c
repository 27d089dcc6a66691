/*
 * framing.c: the header section's part of the strict parser in framing.h [RFC
 * 9112 sections 4 to 6].
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "framing.h"

/* A part of a line. */
struct part {
  const char *at;
  size_t length;
};

static struct part trimmed(struct part part)
{
  while(part.length && is_blank(*part.at)) {
    part.at++;
    part.length--;
  }
  while(part.length && is_blank(part.at[part.length - 1]))
    part.length--;
  return part;
}

static bool is(struct part part, const char *word)
{
  return part.length == strlen(word) &&
         !strncasecmp(part.at, word, part.length);
}

static bool contains(struct part part, const char *word)
{
  size_t length = strlen(word);
  size_t i;
  for(i = 0; i + length <= part.length; i++) {
    if(!strncasecmp(part.at + i, word, length))
      return true;
  }
  return false;
}

/* Takes the next element off a list. Returns false if there is none. */
static bool next_element(struct part *list, struct part *element)
{
  const char *comma;
  if(!list->at)
    return false;
  comma = memchr(list->at, ',', list->length);
  element->at = list->at;
  element->length = comma ? (size_t)(comma - list->at) : list->length;
  *element = trimmed(*element);
  if(comma) {
    list->length -= (size_t)(comma + 1 - list->at);
    list->at = comma + 1;
  }
  else
    list->at = NULL;
  return true;
}

void framing_begin(struct framing *framing,
                   const struct framing_rules *rules)
{
  memset(framing, 0, sizeof(*framing));
  framing->rules = *rules;
}

/* Section 4. HTTP/2 has no status line; libcurl writes one for it. */
static const char *status_line(struct framing *framing, struct part line)
{
  const char *at = line.at;
  size_t version = 8; /* of "HTTP/1.1" */
  struct framing_rules rules = framing->rules;
  bool interim_length = framing->interim_length;
  bool interim_coding = framing->interim_coding;

  framing_begin(framing, &rules);
  framing->interim_length = interim_length;
  framing->interim_coding = interim_coding;
  framing->section = FRAMING_FIELDS;
  if(line.length > 7 && !memcmp(at, "HTTP/2 ", 7)) {
    framing->http2 = true;
    version = 6;
  }
  else if(line.length < 8 || memcmp(at, "HTTP/1.", 7) ||
          (at[7] != '0' && at[7] != '1'))
    return "the status line does not begin with HTTP/1.0 or HTTP/1.1";
  else
    framing->http10 = at[7] == '0';
  at += version;
  if(line.length < version + 4 || at[0] != ' ' || at[1] < '1' ||
     at[1] > '9' || !is_digit(at[2]) || !is_digit(at[3]) ||
     (line.length > version + 4 && at[4] != ' '))
    return "the status code is not one of three digits";
  framing->status = (at[1] - '0') * 100 + (at[2] - '0') * 10 + at[3] - '0';
  return NULL;
}

/* Section 6.3: repeated equal numbers count as one. */
static const char *content_length(struct framing *framing, struct part value)
{
  struct part element;
  while(next_element(&value, &element)) {
    uint64_t number = 0;
    size_t i;
    for(i = 0; i < element.length; i++) {
      uint64_t digit = (uint64_t)(element.at[i] - '0');
      if(!is_digit(element.at[i]))
        return "not a number";
      if(number > (INT64_MAX - digit) / 10)
        return "too large";
      number = number * 10 + digit;
    }
    if(!element.length)
      return "empty, or an element of it is";
    if(framing->has_length && framing->left != number)
      return "two values";
    framing->has_length = true;
    framing->left = number;
  }
  return NULL;
}

static const char *transfer_encoding(struct framing *framing,
                                     struct part value)
{
  if(framing->has_coding || !is(value, "chunked"))
    return "Transfer-Encoding is not just chunked";
  framing->chunked = true;
  return NULL;
}

static const char *connection(struct framing *framing, struct part value)
{
  struct part list = value;
  struct part element;
  while(next_element(&list, &element)) {
    if(is(element, "keep-alive"))
      framing->keeps = true;
  }
  if(contains(value, "keep-alive"))
    framing->seems_to_keep = true;
  return NULL;
}

/* Keeps what is wrong with a Content-Length, and as much of its value as can
   be shown. */
static void refuse_length(struct framing *framing, struct part value,
                          const char *wrong)
{
  char shown[FRAMING_SHOWN + 1];
  size_t i;
  for(i = 0; i < value.length && i < FRAMING_SHOWN; i++) {
    char octet = value.at[i];
    shown[i] = (char)(octet >= ' ' && octet < 0x7f ? octet : '?');
  }
  shown[i] = '\0';
  snprintf(framing->refusal, sizeof(framing->refusal),
           "bad Content-Length \"%s\": %s", shown, wrong);
}

/* What is wrong with a field that describes the body; NULL if nothing is. */
static const char *unreadable(const struct framing *framing)
{
  return framing->refusal[0] ? framing->refusal : framing->unreadable;
}

/* Notes the value of a field that describes the body. An unreadable one
   matters only if the response has a body, which is known at the end of the
   section. */
static void read_value(struct framing *framing, struct part name,
                       struct part value)
{
  const char *wrong = NULL;
  if(is(name, "Content-Length")) {
    wrong = content_length(framing, value);
    framing->has_length = true;
    if(wrong && !framing->unreadable)
      refuse_length(framing, value, wrong);
  }
  else if(is(name, "Transfer-Encoding")) {
    wrong = transfer_encoding(framing, value);
    framing->has_coding = true;
  }
  else if(is(name, "Connection"))
    wrong = connection(framing, value);
  else if(is(name, "Proxy-Connection") && contains(value, "keep-alive"))
    framing->seems_to_keep = true;
  if(wrong && !framing->unreadable)
    framing->unreadable = wrong;
}

static bool frames(struct part name)
{
  return is(name, "Content-Length") || is(name, "Transfer-Encoding") ||
         is(name, "Connection");
}

/* Section 5 */
static const char *field_line(struct framing *framing, struct part line)
{
  const char *colon = memchr(line.at, ':', line.length);
  struct part name = { line.at, 0 };
  struct part value;
  size_t i;

  if(is_blank(*line.at))
    return framing->folds ? NULL :
           "white space begins a line behind one that must not go on";
  if(!colon)
    return "a line of the header section has no colon";
  name.length = (size_t)(colon - line.at);
  value.at = colon + 1;
  value.length = line.length - name.length - 1;
  framing->folds = true;
  if(is_blank(colon[name.length ? -1 : 0])) {
    name = trimmed(name);
    if(frames(name))
      return "white space stands before the colon of a field about the "
             "connection or the body";
  }
  if(!name.length)
    return "a field has no name";
  for(i = 0; i < name.length; i++) {
    if(!is_token(name.at[i]))
      return "a field's name is not a token";
  }
  if(framing->tunnel || framing->http2)
    return NULL;
  framing->folds = !frames(name);
  read_value(framing, name, trimmed(value));
  return NULL;
}

static bool has_no_body(const struct framing *framing)
{
  return framing->rules.head || framing->status == 204 ||
         framing->status == 304;
}

/* Section 6.3, for a response that may have a body */
static const char *frame_body(struct framing *framing)
{
  if(framing->unreadable)
    return unreadable(framing);
  if(framing->has_coding) {
    if(framing->http10)
      return "Transfer-Encoding in a response of HTTP/1.0";
    if(framing->has_length)
      return "both Content-Length and Transfer-Encoding";
    framing->body = FRAMING_CHUNKED;
    framing->left = 0;
    return NULL;
  }
  framing->body = framing->has_length ? FRAMING_LENGTH : FRAMING_UNTIL_CLOSE;
  if(framing->rules.fields_stick &&
     (framing->interim_coding ||
      (framing->interim_length && !framing->has_length)))
    return "an interim response has fields about a body";
  return NULL;
}

static const char *end_of_section(struct framing *framing)
{
  if(framing->tunnel) {
    framing->section = FRAMING_INTERIM;
    return NULL;
  }
  if(framing->status < 200) {
    if(framing->status == 101)
      return "101 (Switching Protocols), which nobody asked for";
    framing->interim_length |= framing->has_length;
    framing->interim_coding |= framing->has_coding;
    framing->section = FRAMING_INTERIM;
    return NULL;
  }
  framing->section = FRAMING_FINAL;
  if(framing->http2) {
    framing->body = FRAMING_STREAM;
    return NULL;
  }
  if(!has_no_body(framing))
    return frame_body(framing);
  framing->body = FRAMING_NO_BODY;
  /* a HEAD's response has the length that a body would have */
  return framing->rules.head && !framing->has_coding ? unreadable(framing) :
         NULL;
}

const char *framing_line(struct framing *framing, const char *line,
                         size_t length)
{
  struct part part = { line, length };
  if(!length || line[length - 1] != '\n')
    return "a line of the header section has no end";
  part.length--;
  if(part.length && line[part.length - 1] == '\r')
    part.length--;
  if(memchr(line, '\0', part.length) || memchr(line, '\r', part.length))
    return "a NUL, or a CR by itself, is in the header section";
  if(framing->section != FRAMING_FIELDS)
    return status_line(framing, part);
  return part.length ? field_line(framing, part) : end_of_section(framing);
}

bool framing_ends_unseen(const struct framing *framing)
{
  return framing->section == FRAMING_FINAL && framing->http10 &&
         !framing->keeps && framing->seems_to_keep;
}

bool framing_complete_unseen(const struct framing *framing)
{
  return framing->section == FRAMING_FINAL && framing->rules.fields_stick &&
         framing->body == FRAMING_NO_BODY && !framing->rules.head &&
         (framing->has_coding || framing->interim_coding);
}
