#ifndef CSHIM_NGHTTP2_H
#define CSHIM_NGHTTP2_H
/*
 * The parts of nghttp2's interface that http2.c needs. They have been the same
 * in every release since 1.0. They are declared here so that the package
 * builds where nghttp2's headers are not installed, or libcurl has no HTTP/2.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Frame types and flags [RFC 9113, section 6]. */
#define FRAME_DATA 0x0
#define FRAME_HEADERS 0x1
#define FRAME_RST_STREAM 0x3
#define FRAME_GOAWAY 0x7
#define FLAG_END_STREAM 0x1

/* Error codes [RFC 9113, section 7]. */
#define H2_NO_ERROR 0x0
#define H2_PROTOCOL_ERROR 0x1
#define H2_REFUSED_STREAM 0x7
#define H2_CANCEL 0x8
#define H2_HTTP_1_1_REQUIRED 0xd

/* Results by which a function refuses: no stream can be opened, or only this
   stream must be reset. */
#define NGHTTP2_ERR_START_STREAM_NOT_ALLOWED (-516)
#define NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE (-521)

/* Result by which a function ends the current nghttp2_session_mem_recv(). */
#define NGHTTP2_ERR_PAUSE (-526)

struct frame_head {
  size_t length;
  int32_t stream;
  uint8_t type;
  uint8_t flags;
  uint8_t reserved;
};

/* nghttp2_frame, as far as it is used. */
union frame {
  struct frame_head head;
  struct {
    struct frame_head head;
    uint32_t error;
  } reset;
  struct {
    struct frame_head head;
    int32_t last_stream;
    uint32_t error;
  } goaway;
};

/* nghttp2_nv */
struct field {
  const uint8_t *name;
  const uint8_t *value;
  size_t name_length;
  size_t value_length;
  uint8_t flags;
};

typedef int on_frame_callback(void *session, const union frame *frame,
                              void *userp);
typedef int on_field_callback(void *session, const union frame *frame,
                              const uint8_t *name, size_t name_length,
                              const uint8_t *value, size_t value_length,
                              uint8_t flags, void *userp);
typedef int on_chunk_callback(void *session, uint8_t flags, int32_t stream,
                              const uint8_t *data, size_t length,
                              void *userp);
typedef int on_close_callback(void *session, int32_t stream, uint32_t error,
                              void *userp);

#endif
