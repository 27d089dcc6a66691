#ifndef CSHIM_FRAMING_H
#define CSHIM_FRAMING_H
/*
 * A strict parser for the framing of an HTTP/1.x response: where its header
 * section ends, and its body. libcurl's own parser is looser, and decides
 * where the next response begins. Both read a response that this parser
 * accepts in the same way. Any other response is refused, and its connection
 * closed, before a byte of its body is delivered.
 *
 * Knows nothing of libcurl but the two things in struct framing_rules.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool is_blank(char octet)
{
  return octet == ' ' || octet == '\t';
}

static inline bool is_digit(char octet)
{
  return octet >= '0' && octet <= '9';
}

/* RFC 9110 section 5.6.2 */
static inline bool is_token(char octet)
{
  char lower = (char)(octet | 0x20);
  return is_digit(octet) || (lower >= 'a' && lower <= 'z') ||
         (octet && strchr("!#$%&'*+-.^_`|~", octet));
}

/* Rules for all sections of one request's response. */
struct framing_rules {
  bool head; /* the request was HEAD */
  bool fields_stick; /* libcurl before 7.65.1: it heeds fields about a body in
                        responses that have none, and in the final response
                        those of an interim one */
  size_t overhead; /* limit for all chunk extensions and trailers */
};

enum framing_section {
  FRAMING_BEGINS, /* a status line is next */
  FRAMING_FIELDS, /* within a header section */
  FRAMING_INTERIM, /* an interim response has ended; a status line is next */
  FRAMING_FINAL /* the header section of the response has ended */
};

enum framing_body {
  FRAMING_NO_BODY,
  FRAMING_LENGTH, /* so many bytes */
  FRAMING_CHUNKED,
  FRAMING_UNTIL_CLOSE,
  FRAMING_STREAM /* of HTTP/2, which frames it by itself */
};

#define FRAMING_SHOWN 40 /* bytes of a field's value in a refusal */

struct framing {
  struct framing_rules rules;
  enum framing_section section;
  int status;
  bool tunnel; /* the section is a proxy's answer to CONNECT */
  bool http2; /* the section is HTTP/2's, as libcurl writes it */
  bool http10;

  /* the header section */
  bool folds; /* the next line may continue this one */
  bool has_length;
  bool has_coding;
  bool chunked; /* Transfer-Encoding is "chunked", once, and nothing else */
  bool keeps; /* Connection has keep-alive */
  bool seems_to_keep; /* libcurl may think so */
  bool interim_length; /* an interim response had a Content-Length */
  bool interim_coding; /* or a Transfer-Encoding */
  const char *unreadable; /* what is wrong with a field that describes the
                             body */
  char refusal[FRAMING_SHOWN + 64]; /* the same with the value of
                                       Content-Length; else empty */

  /* the body */
  enum framing_body body;
  uint64_t left; /* bytes left of the length, or of a chunk's data */
  int chunk; /* CHUNK_* in chunked.c */
  int digits; /* digits of a chunk's size so far */
  size_t overhead; /* size of chunk extensions and trailers so far */
};

/* What framing_take() found. */
enum framing_piece {
  FRAMING_NOTHING, /* to hand on */
  FRAMING_DATA,
  FRAMING_TRAILER,
  FRAMING_REFUSED,
  FRAMING_TOO_LONG /* extensions or trailers */
};

/* Begins the response to a request. */
void framing_begin(struct framing *framing,
                   const struct framing_rules *rules);

/* Reads a line of a header section, with its line feed. Returns NULL, or what
   is wrong with it. After a status line the caller sets tunnel, and checks
   http2. */
const char *framing_line(struct framing *framing, const char *line,
                         size_t length);

/* After the last line of the response's header section: whether the connection
   must end with the response, although libcurl may not see it. */
bool framing_ends_unseen(const struct framing *framing);

/* Whether the response is complete, although libcurl waits for more. */
bool framing_complete_unseen(const struct framing *framing);

/* Takes the next piece off the part of the body that has arrived, which is not
   empty and has its transfer coding. Sets *refusal if it is refused. */
enum framing_piece framing_take(struct framing *framing, const char **data,
                                size_t *length, const char **piece,
                                size_t *piece_length, const char **refusal);

/* Whether the body is complete if the response ends here. */
bool framing_is_complete(const struct framing *framing);

#endif
