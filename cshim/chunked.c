/*
 * chunked.c: the body's part of the strict parser in framing.h [RFC 9112
 * sections 6.3 and 7.1].
 */
#include "framing.h"

/* Position of the next octet in a chunked body. */
enum chunk_state {
  CHUNK_SIZE,
  CHUNK_BLANK, /* white space after the size */
  CHUNK_EXTENSION,
  CHUNK_SIZE_LF,
  CHUNK_BYTES,
  CHUNK_BYTES_CR,
  CHUNK_BYTES_LF,
  CHUNK_LINE, /* at the beginning of a line of the trailer section */
  CHUNK_NAME,
  CHUNK_COLON, /* white space after the name */
  CHUNK_VALUE,
  CHUNK_LINE_LF,
  CHUNK_LAST_LF,
  CHUNK_DONE
};

/* libcurl takes as many. */
#define MOST_DIGITS 16

static int hex_value(char octet)
{
  char lower = (char)(octet | 0x20);
  if(is_digit(octet))
    return octet - '0';
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static const char *chunk_size(struct framing *framing, char octet)
{
  int digit = hex_value(octet);
  if(digit >= 0) {
    if(framing->digits == MOST_DIGITS ||
       framing->left > (uint64_t)INT64_MAX >> 4)
      return "a chunk's size is too large";
    framing->left = framing->left << 4 | (uint64_t)digit;
    framing->digits++;
    return NULL;
  }
  if(!framing->digits)
    return "a chunk has no size";
  framing->chunk = octet == '\r' ? CHUNK_SIZE_LF :
                   octet == ';' ? CHUNK_EXTENSION : CHUNK_BLANK;
  return framing->chunk == CHUNK_BLANK && !is_blank(octet) ?
         "a chunk's size is not a number" : NULL;
}

/* Checks an octet in what may follow a chunk's size on its line, or in the
   value of a trailer field. */
static const char *text(struct framing *framing, char octet, int at_end)
{
  if(octet == '\r')
    framing->chunk = at_end;
  else if(octet == '\n' || !octet)
    return "a NUL, or an LF by itself, is in a chunk's line";
  return NULL;
}

static const char *expect(struct framing *framing, char octet, char expected,
                          int next)
{
  if(octet != expected)
    return "a line of a chunked body does not end with CR LF";
  framing->chunk = next;
  return NULL;
}

/* Section 7.1.2 */
static const char *trailer_line(struct framing *framing, char octet)
{
  if(is_blank(octet) && framing->folds)
    framing->chunk = CHUNK_VALUE;
  else if(is_token(octet))
    framing->chunk = CHUNK_NAME;
  else
    return "a trailer field has no name";
  framing->folds = true;
  return NULL;
}

static const char *trailer_name(struct framing *framing, char octet)
{
  if(octet == ':')
    framing->chunk = CHUNK_VALUE;
  else if(is_blank(octet))
    framing->chunk = CHUNK_COLON;
  else if(framing->chunk == CHUNK_COLON || !is_token(octet))
    return "a trailer field's name is not a token";
  return NULL;
}

/* Reads an octet that is not chunk data. */
static const char *chunk_octet(struct framing *framing, char octet)
{
  switch(framing->chunk) {
  case CHUNK_SIZE:
    return chunk_size(framing, octet);
  case CHUNK_BLANK:
    if(octet == ';')
      framing->chunk = CHUNK_EXTENSION;
    else if(octet == '\r')
      framing->chunk = CHUNK_SIZE_LF;
    return is_blank(octet) || framing->chunk != CHUNK_BLANK ? NULL :
           "a chunk's size is not a number";
  case CHUNK_EXTENSION:
    return text(framing, octet, CHUNK_SIZE_LF);
  case CHUNK_SIZE_LF:
    framing->digits = 0;
    framing->folds = false;
    return expect(framing, octet, '\n',
                  framing->left ? CHUNK_BYTES : CHUNK_LINE);
  case CHUNK_BYTES_CR:
    return expect(framing, octet, '\r', CHUNK_BYTES_LF);
  case CHUNK_BYTES_LF:
    return expect(framing, octet, '\n', CHUNK_SIZE);
  case CHUNK_LINE:
    if(octet == '\r') {
      framing->chunk = CHUNK_LAST_LF;
      return NULL;
    }
    return trailer_line(framing, octet);
  case CHUNK_NAME:
  case CHUNK_COLON:
    return trailer_name(framing, octet);
  case CHUNK_VALUE:
    return text(framing, octet, CHUNK_LINE_LF);
  case CHUNK_LINE_LF:
    return expect(framing, octet, '\n', CHUNK_LINE);
  default: /* CHUNK_LAST_LF */
    return expect(framing, octet, '\n', CHUNK_DONE);
  }
}

static bool in_trailer(int chunk)
{
  return chunk == CHUNK_NAME || chunk == CHUNK_COLON ||
         chunk == CHUNK_VALUE || chunk == CHUNK_LINE_LF;
}

static enum framing_piece take_data(struct framing *framing,
                                    const char **data, size_t *length,
                                    const char **piece, size_t *piece_length)
{
  size_t taken = framing->left < *length ? (size_t)framing->left : *length;
  *piece = *data;
  *piece_length = taken;
  *data += taken;
  *length -= taken;
  framing->left -= taken;
  return FRAMING_DATA;
}

/* Takes octets up to the next chunk data, or to the end of the trailer
   section. */
static enum framing_piece take_chunk(struct framing *framing,
                                     const char **data, size_t *length,
                                     const char **piece,
                                     size_t *piece_length,
                                     const char **refusal)
{
  *piece = NULL;
  while(*length && framing->chunk != CHUNK_BYTES) {
    bool before = in_trailer(framing->chunk);
    if(framing->chunk == CHUNK_DONE) {
      *length = 0; /* of the next response */
      break;
    }
    *refusal = chunk_octet(framing, **data);
    if(*refusal)
      return FRAMING_REFUSED;
    if(before || in_trailer(framing->chunk)) {
      if(!*piece)
        *piece = *data;
      *piece_length = (size_t)(*data + 1 - *piece);
      framing->overhead++;
    }
    else if(framing->chunk == CHUNK_EXTENSION ||
            framing->chunk == CHUNK_BLANK)
      framing->overhead++;
    if(framing->overhead > framing->rules.overhead)
      return FRAMING_TOO_LONG;
    ++*data;
    --*length;
  }
  return *piece ? FRAMING_TRAILER : FRAMING_NOTHING;
}

enum framing_piece framing_take(struct framing *framing, const char **data,
                                size_t *length, const char **piece,
                                size_t *piece_length, const char **refusal)
{
  enum framing_piece found;
  *refusal = NULL;
  switch(framing->body) {
  case FRAMING_LENGTH:
    if(*length <= framing->left)
      return take_data(framing, data, length, piece, piece_length);
    *refusal = "the body is longer than Content-Length";
    return FRAMING_REFUSED;
  case FRAMING_CHUNKED:
    if(framing->chunk == CHUNK_DONE) {
      *refusal = "the body goes on behind its last chunk";
      return FRAMING_REFUSED;
    }
    if(framing->chunk != CHUNK_BYTES)
      return take_chunk(framing, data, length, piece, piece_length, refusal);
    found = take_data(framing, data, length, piece, piece_length);
    if(!framing->left)
      framing->chunk = CHUNK_BYTES_CR;
    return found;
  case FRAMING_NO_BODY:
    *refusal = "a body where there is none";
    return FRAMING_REFUSED;
  default:
    framing->left = *length;
    return take_data(framing, data, length, piece, piece_length);
  }
}

bool framing_is_complete(const struct framing *framing)
{
  switch(framing->body) {
  case FRAMING_LENGTH:
    return !framing->left;
  case FRAMING_CHUNKED:
    return framing->chunk == CHUNK_DONE;
  default:
    return true;
  }
}
