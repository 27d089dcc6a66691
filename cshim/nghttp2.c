/*
 * nghttp2.c: stands between libcurl and nghttp2. libcurl does not report how a
 * stream ended: whether the server sent END_STREAM [RFC 9113, section 8.1],
 * whether it processed the request (section 8.7), and whether the connection
 * can still be used. nghttp2 knows all of that. The dynamic linker resolves
 * libcurl's calls of nghttp2 by name, and finds the functions of this file
 * first if they are in the program itself (-rdynamic, see loop.go). They do
 * what nghttp2's do, and tell http2.c.
 *
 * They watch only sessions that libcurl makes for a loop's connection; other
 * sessions get nghttp2's own functions. The symbols are weak: a program with
 * nghttp2 linked in statically uses nghttp2's functions, and
 * cshim_http2_watched() returns false.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "http2.h"

#define NGHTTP2_ERR_NOMEM (-901)
#define INTERPOSED __attribute__((weak, visibility("default")))

static struct {
  int (*set_on_frame)(void *callbacks, on_frame_callback *callback);
  int (*set_on_field)(void *callbacks, on_field_callback *callback);
  int (*set_on_chunk)(void *callbacks, on_chunk_callback *callback);
  int (*set_on_close)(void *callbacks, on_close_callback *callback);
  int (*client_new2)(void **session, const void *callbacks, void *userp,
                     const void *option);
  int (*client_new3)(void **session, const void *callbacks, void *userp,
                     const void *option, void *memory);
  void (*set_longest_block)(void *option, size_t length);
  void (*del)(void *session);
  ssize_t (*receive)(void *session, const uint8_t *data, size_t length);
  int32_t (*submit)(void *session, const void *priority, const void *fields,
                    size_t count, const void *body, void *user);
  int (*reset)(void *session, uint8_t flags, int32_t stream, uint32_t error);
  int (*remote_close)(void *session, int32_t stream);
  int (*send)(void *session);
  int (*resume)(void *session, int32_t stream);
  int (*wants)(void *session);
  int (*allowed)(void *session);
  const char *(*error_name)(uint32_t error);
} real;

/* libcurl's own callbacks, the same in all of its sessions. */
static on_frame_callback *_Atomic libcurl_on_frame;
static on_field_callback *_Atomic libcurl_on_field;
static on_chunk_callback *_Atomic libcurl_on_chunk;
static on_close_callback *_Atomic libcurl_on_close;

static bool complete;
static pthread_once_t looked_up = PTHREAD_ONCE_INIT;

/* The connection that libcurl is called for in this thread. */
static _Thread_local struct connection *driving;

static void look_up(void)
{
  const struct {
    const char *name;
    void *into;
  } names[] = {
    { "nghttp2_session_callbacks_set_on_frame_recv_callback",
      &real.set_on_frame },
    { "nghttp2_session_callbacks_set_on_header_callback",
      &real.set_on_field },
    { "nghttp2_session_callbacks_set_on_data_chunk_recv_callback",
      &real.set_on_chunk },
    { "nghttp2_session_callbacks_set_on_stream_close_callback",
      &real.set_on_close },
    { "nghttp2_session_client_new2", &real.client_new2 },
    { "nghttp2_session_client_new3", &real.client_new3 },
    { "nghttp2_option_set_max_send_header_block_length",
      &real.set_longest_block },
    { "nghttp2_session_del", &real.del },
    { "nghttp2_session_mem_recv", &real.receive },
    { "nghttp2_submit_request", &real.submit },
    { "nghttp2_submit_rst_stream", &real.reset },
    { "nghttp2_session_get_stream_remote_close", &real.remote_close },
    { "nghttp2_session_send", &real.send },
    { "nghttp2_session_resume_data", &real.resume },
    { "nghttp2_session_want_read", &real.wants },
    { "nghttp2_session_check_request_allowed", &real.allowed },
    { "nghttp2_http2_strerror", &real.error_name }
  };
  size_t i;
  complete = true;
  for(i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    void *found = dlsym(RTLD_NEXT, names[i].name);
    if(found)
      *(void **)names[i].into = found;
    else
      complete = false;
  }
}

static bool looked(void)
{
  pthread_once(&looked_up, look_up);
  return complete;
}

struct connection *http2_enter(struct connection *connection)
{
  struct connection *before = driving;
  driving = connection;
  return before;
}

void http2_leave(struct connection *before)
{
  driving = before;
}

/* The transfer whose request libcurl is about to send; on_request() has just
   seen it. Up to 7.79 there is no such callback, and the stream's user data is
   the easy handle. */
static struct transfer *http2_requesting(void *user)
{
  struct transfer *transfer = driving->requesting;
  driving->requesting = NULL;
  if(driving->loop->sees_requests)
    return transfer;
  curl_easy_getinfo(user, CURLINFO_PRIVATE, (char **)&transfer);
  return transfer;
}

const char *http2_error_name(uint32_t error)
{
  return looked() ? real.error_name(error) : "";
}

/* The session of this handle, if it belongs to the connection that libcurl is
   called for. */
static struct http2_session *find(void *handle)
{
  struct http2_session *session = driving ? driving->session : NULL;
  return session && session->handle == handle ? session : NULL;
}

static int on_frame(void *handle, const union frame *frame, void *userp)
{
  struct http2_session *session = find(handle);
  if(session && !http2_frame(session,
                             http2_owner(session, frame->head.stream), frame))
    return 0;
  return libcurl_on_frame(handle, frame, userp);
}

/* libcurl 7.88.1 loses the trailer section of a stream whose end it reads for
   another stream. So libcurl has no part in trailer sections. */
static bool take_trailer(struct transfer *transfer, const uint8_t *name,
                         size_t name_length, const uint8_t *value,
                         size_t value_length)
{
  struct buffer *trailer = &transfer->trailer;
  return transfer->dropping ||
         (buffer_append(trailer, (const char *)name, name_length) &&
          buffer_append(trailer, ": ", 2) &&
          buffer_append(trailer, (const char *)value, value_length) &&
          buffer_append(trailer, "\r\n", 2));
}

static int on_field(void *handle, const union frame *frame,
                    const uint8_t *name, size_t name_length,
                    const uint8_t *value, size_t value_length, uint8_t flags,
                    void *userp)
{
  struct http2_session *session = find(handle);
  struct transfer *transfer = session ?
                              http2_owner(session, frame->head.stream) : NULL;
  if(transfer && !http2_field(transfer, name, name_length, value,
                               value_length))
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  if(transfer && transfer->stream.answered)
    return take_trailer(transfer, name, name_length, value, value_length) ?
           0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  if(transfer)
    name = http2_name(name, &name_length);
  return libcurl_on_field(handle, frame, name, name_length, value,
                          value_length, flags, userp);
}

static int on_chunk(void *handle, uint8_t flags, int32_t stream,
                    const uint8_t *data, size_t length, void *userp)
{
  struct http2_session *session = find(handle);
  struct transfer *transfer = session ? http2_owner(session, stream) : NULL;
  int code;
  if(transfer)
    transfer->stream.received += length;
  code = libcurl_on_chunk(handle, flags, stream, data, length, userp);
  if(session && code == NGHTTP2_ERR_PAUSE)
    session->held = stream;
  return code;
}

static int on_close(void *handle, int32_t stream, uint32_t error, void *userp)
{
  struct http2_session *session = find(handle);
  struct transfer *transfer = session ? http2_owner(session, stream) : NULL;
  if(transfer && !http2_closed(transfer, &error))
    return 0;
  return libcurl_on_close(handle, stream, error, userp);
}

INTERPOSED int
nghttp2_session_callbacks_set_on_frame_recv_callback(
  void *callbacks, on_frame_callback *callback)
{
  if(looked() && driving) {
    libcurl_on_frame = callback;
    callback = on_frame;
  }
  return real.set_on_frame(callbacks, callback);
}

INTERPOSED int
nghttp2_session_callbacks_set_on_header_callback(void *callbacks,
                                                 on_field_callback *callback)
{
  if(looked() && driving) {
    libcurl_on_field = callback;
    callback = on_field;
  }
  return real.set_on_field(callbacks, callback);
}

INTERPOSED int
nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
  void *callbacks, on_chunk_callback *callback)
{
  if(looked() && driving) {
    libcurl_on_chunk = callback;
    callback = on_chunk;
  }
  return real.set_on_chunk(callbacks, callback);
}

INTERPOSED int
nghttp2_session_callbacks_set_on_stream_close_callback(
  void *callbacks, on_close_callback *callback)
{
  if(looked() && driving) {
    libcurl_on_close = callback;
    callback = on_close;
  }
  return real.set_on_close(callbacks, callback);
}

/* Notes a new session. */
static int keep(int code, void **handle)
{
  struct http2_session *session;
  if(code || !driving || driving->session)
    return code;
  session = calloc(1, sizeof(*session));
  if(!session) {
    real.del(*handle);
    return NGHTTP2_ERR_NOMEM;
  }
  session->handle = *handle;
  session->connection = driving;
  driving->session = session;
  return 0;
}

/* Header sections of requests are up to libcurl: it has a limit of its own,
   and does not notice that nghttp2 sends none of more than 64 KiB. */
#define LONGEST_BLOCK (2 * 1024 * 1024)

/* The options are libcurl's, which makes some for each session. */
static void *lengthen(const void *option)
{
  void *changed = (void *)(uintptr_t)option;
  if(changed && driving)
    real.set_longest_block(changed, LONGEST_BLOCK);
  return changed;
}

INTERPOSED int nghttp2_session_client_new2(void **session,
                                           const void *callbacks,
                                           void *userp, const void *option)
{
  return looked() ? keep(real.client_new2(session, callbacks, userp,
                                          lengthen(option)), session) :
                    NGHTTP2_ERR_NOMEM;
}

INTERPOSED int nghttp2_session_client_new3(void **session,
                                           const void *callbacks,
                                           void *userp, const void *option,
                                           void *memory)
{
  return looked() ? keep(real.client_new3(session, callbacks, userp,
                                          lengthen(option), memory), session) :
         NGHTTP2_ERR_NOMEM;
}

INTERPOSED void nghttp2_session_del(void *handle)
{
  struct http2_session *session = find(handle);
  if(session) {
    http2_gone(session);
    session->connection->session = NULL;
    free(session);
  }
  if(looked())
    real.del(handle);
}

/* nghttp2 answers a violation of the protocol in one of two ways: it fails, or
   it sends GOAWAY. After GOAWAY it accepts no requests although the server has
   sent no GOAWAY, or it ignores what arrives for open streams. */
static void look(struct http2_session *session)
{
  if(session && (session->leaving ?
                 !real.wants(session->handle) && http2_any_open(session) :
                 !real.allowed(session->handle)))
    http2_broken(session);
}

/* After a pause nghttp2 sees that a frame has ended only in the next call.
   libcurl makes none when it has passed on all that it has read. */
static void end_frame(struct http2_session *session)
{
  const struct transfer *transfer;
  if(!session || !session->held)
    return;
  transfer = http2_owner(session, session->held);
  if(transfer && transfer->stream.delivered < transfer->stream.received)
    return; /* libcurl refers to what nghttp2 has given it */
  session->held = 0;
  session->progress++;
  if(real.receive(session->handle, (const uint8_t *)"", 0) < 0)
    http2_broken(session);
}

INTERPOSED int nghttp2_session_send(void *handle)
{
  struct http2_session *session = find(handle);
  int code;
  if(session)
    session->resumed = false;
  end_frame(session);
  code = looked() ? real.send(handle) : NGHTTP2_ERR_NOMEM;
  look(session);
  return code;
}

INTERPOSED int nghttp2_session_resume_data(void *handle, int32_t stream)
{
  struct http2_session *session = find(handle);
  if(session)
    session->resumed = true;
  return looked() ? real.resume(handle, stream) : NGHTTP2_ERR_NOMEM;
}

/* When a request's body of unknown length has ended, libcurl 7.88.1 passes on
   what it has read, even if it still has to take what nghttp2 has given it
   for a stream. That would be lost. It passes the rest on again later. */
INTERPOSED ssize_t nghttp2_session_mem_recv(void *handle, const uint8_t *data,
                                            size_t length)
{
  struct http2_session *session = find(handle);
  ssize_t taken;
  if(session && session->resumed && session->held) {
    session->resumed = false;
    return 0;
  }
  if(session)
    session->held = 0;
  taken = looked() ? real.receive(handle, data, length) : NGHTTP2_ERR_NOMEM;
  if(session && taken < 0)
    http2_broken(session);
  else if(session) {
    session->rest = (size_t)taken < length;
    session->progress++;
  }
  look(session);
  return taken;
}

/* Before libcurl uses a connection at rest again, it reads what is in the
   socket. What was read ahead is no longer there, although it may say that the
   server is leaving the connection. */
static void catch_up(struct http2_session *session)
{
  const struct connection *connection = session->connection;
  uint8_t data[4096];
  size_t length;
  if(connection->first != connection->last)
    return; /* others are at it */
  while((length = bio_take(session->connection, data, sizeof(data))) > 0) {
    if(nghttp2_session_mem_recv(session->handle, data, length) !=
       (ssize_t)length)
      http2_broken(session);
  }
}

/* Changes a field that libcurl is about to send. The list of fields is
   libcurl's, which makes one for each request; value stays there. */
static void change_field(const struct field *fields, size_t count,
                         const char *name, const char *value)
{
  struct field *changed = (void *)(uintptr_t)fields;
  size_t length = strlen(name);
  size_t i;
  for(i = 0; i < count; i++) {
    if(changed[i].name_length == length &&
       !memcmp(changed[i].name, name, length)) {
      changed[i].value = (const uint8_t *)value;
      changed[i].value_length = strlen(value);
    }
  }
}

INTERPOSED int32_t nghttp2_submit_request(void *handle, const void *priority,
                                          const void *fields, size_t count,
                                          const void *body, void *user)
{
  struct http2_session *session = find(handle);
  struct transfer *transfer = session ? http2_requesting(user) : NULL;
  int32_t stream;
  if(transfer)
    catch_up(session);
  if(!looked() || (transfer && !http2_may_send(session, transfer)))
    return NGHTTP2_ERR_START_STREAM_NOT_ALLOWED;
  if(transfer && (transfer->flags & CSHIM_REQUEST_SECURED))
    change_field(fields, count, ":scheme", "https"); /* it has seen no TLS */
  if(transfer && (transfer->flags & CSHIM_REQUEST_GO_AGENT))
    change_field(fields, count, "user-agent", "Go-http-client/2.0");
  stream = real.submit(handle, priority, fields, count, body, user);
  if(transfer && stream > 0)
    http2_sent(session, transfer, stream);
  return stream;
}

/* libcurl 7.88.1 also resets every stream that has ended, which a server may
   take for an attack. */
INTERPOSED int nghttp2_submit_rst_stream(void *handle, uint8_t flags,
                                         int32_t stream, uint32_t error)
{
  if(find(handle) && real.remote_close(handle, stream) == -1)
    return 0; /* the stream no longer exists */
  return looked() ? real.reset(handle, flags, stream, error) :
         NGHTTP2_ERR_NOMEM;
}

void http2_reset(struct http2_session *session, int32_t stream)
{
  real.reset(session->handle, 0, stream, H2_CANCEL);
}

/* On macOS a library calls the functions that it was linked with, whatever the
   program defines. */
bool cshim_http2_watched(void)
{
#ifdef __APPLE__
  return false;
#else
  return looked() &&
         dlsym(RTLD_DEFAULT, "nghttp2_submit_request") ==
         (void *)nghttp2_submit_request &&
         dlsym(RTLD_NEXT, "nghttp2_submit_request") !=
         (void *)nghttp2_submit_request;
#endif
}
