#ifndef CSHIM_HTTP2_H
#define CSHIM_HTTP2_H
/*
 * What nghttp2.c tells http2.c about the HTTP/2 sessions of connections.
 */
#include "internal.h"
#include "nghttp2.h"

#define STREAM_LISTS 64

/* One HTTP/2 connection of libcurl's. */
struct http2_session {
  void *handle; /* nghttp2's */
  struct connection *connection;
  struct transfer *streams[STREAM_LISTS]; /* the open ones, see list_of() */
  bool leaving; /* GOAWAY has come: it accepts no more requests */
  bool closing; /* close_notify has arrived; TCP may still be open */
  bool broken; /* its peer broke the protocol: it is unusable */
  uint32_t error; /* of GOAWAY */
  int32_t held; /* stream for which libcurl has stopped in the middle of what
                   it has read, because its buffer was full; 0: none */
  bool resumed; /* libcurl has just resumed a request's body */
  bool rest; /* libcurl has not passed on all that it has read */
  uint64_t progress; /* grows when libcurl passes something on */
  uint64_t nudged; /* progress when libcurl was last made to run */
};

/* nghttp2.c */
const char *http2_error_name(uint32_t error);
void http2_reset(struct http2_session *session, int32_t stream);

/* http2.c: the transfer of a stream; NULL if the transfer has left it */
struct transfer *http2_owner(struct http2_session *session, int32_t stream);

/* Whether a transfer waits for the end of a stream. */
bool http2_any_open(const struct http2_session *session);

/* A frame has arrived (false: do not tell libcurl). A field line has arrived
   (false: it is over the limit). A stream is closed, with the error to tell
   libcurl (false: tell it nothing). */
bool http2_frame(struct http2_session *session, struct transfer *transfer,
                 const union frame *frame);
bool http2_field(struct transfer *transfer, const uint8_t *name,
                 size_t name_length, const uint8_t *value,
                 size_t value_length);
bool http2_closed(struct transfer *transfer, uint32_t *error);

/* The name that libcurl is given for a field */
const uint8_t *http2_name(const uint8_t *name, size_t *length);

/* May libcurl send this request? It has sent it. The connection has ended,
   with an error or without. */
bool http2_may_send(struct http2_session *session, struct transfer *transfer);
void http2_sent(struct http2_session *session, struct transfer *transfer,
                int32_t stream);
void http2_broken(struct http2_session *session);
void http2_gone(struct http2_session *session);

#endif
