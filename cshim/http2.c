/*
 * http2.c: decides for requests that share an HTTP/2 connection which response
 * is complete, which request may be sent again, and when the connection must
 * not be used any more. nghttp2.c reports the events.
 *
 * These rules hold whatever libcurl does. A response is complete when the
 * server has ended its stream and all of it was delivered. A request is sent
 * once, unless the server did not process it [RFC 9113, section 8.7], or it
 * may be repeated and no part of its response has arrived. No request is sent
 * on a connection whose peer broke the protocol or is leaving it.
 */
#include <stdio.h>
#include <string.h>
#include "http2.h"

/* CURLOPT_PREREQFUNCTION and its data, of libcurl 7.80.0. */
#define OPT_PREREQFUNCTION (CURLoption)20312
#define OPT_PREREQDATA (CURLoption)10313

/* libcurl closes the connection when the field lines of all sections of a
   response exceed 128 KiB. */
#define FIELD_BYTES (100 * 1024)
#define FIELD_EXTRA 5 /* ": " and CRLF, and room for a status line */

/* Whether any part of the response has arrived, interim responses included. */
static bool begun(const struct transfer *transfer)
{
  return transfer->stream.begun || transfer->response.length ||
         transfer->header_taken || transfer->dropped;
}

/* libcurl ends a response when its announced length has arrived, or when it
   has no body. It does not wait for END_STREAM. */
static bool whole_by_length(const struct transfer *transfer)
{
  const struct stream *stream = &transfer->stream;
  const struct framing *framing = &transfer->framing;
  return framing->section == FRAMING_FINAL &&
         (framing->rules.head || framing->status == 204 ||
          framing->status == 304 ||
          (stream->has_length && stream->length == stream->delivered));
}

/* Before this release, libcurl loses the part of a response that it has not
   delivered when the server resets the stream. */
#define FIRST_KEEPING 0x080100 /* 8.1.0 */

static bool loses(const struct transfer *transfer)
{
  return transfer->loop->libcurl < FIRST_KEEPING;
}

/* Whether everything that arrived of the response was delivered. */
static bool delivered(const struct transfer *transfer)
{
  const struct stream *stream = &transfer->stream;
  return stream->delivered >= stream->received && !transfer->paused &&
         (!stream->answered || transfer->framing.section == FRAMING_FINAL);
}

static bool whole(const struct transfer *transfer)
{
  return transfer->stream.ended &&
         transfer->framing.section == FRAMING_FINAL &&
         transfer->stream.delivered == transfer->stream.received;
}

/* Tells the caller that the connection accepts no more requests. */
static void tell(struct http2_session *session, uint32_t news)
{
  session->connection->news |= news;
  connection_touch(session->connection);
}

/* Copies what the transfer may need to know of its connection. */
static void learn(struct stream *stream)
{
  const struct http2_session *session = stream->session;
  if(!session)
    return;
  stream->left = session->leaving;
  stream->broke = session->broken;
  stream->goaway = session->error;
}

/* The client's streams have odd numbers. */
static struct transfer **list_of(struct http2_session *session,
                                 int32_t stream)
{
  return &session->streams[(uint32_t)stream / 2 % STREAM_LISTS];
}

struct transfer *http2_owner(struct http2_session *session, int32_t stream)
{
  struct transfer *transfer = *list_of(session, stream);
  while(transfer && transfer->stream.id != stream)
    transfer = transfer->stream.next;
  return transfer;
}

bool http2_any_open(const struct http2_session *session)
{
  size_t i;
  for(i = 0; i < STREAM_LISTS; i++) {
    const struct transfer *transfer = session->streams[i];
    for(; transfer; transfer = transfer->stream.next) {
      if(!transfer->stream.closed)
        return true;
    }
  }
  return false;
}

/* Separates the transfer from its stream. */
static void forget(struct transfer *transfer)
{
  struct stream *stream = &transfer->stream;
  struct transfer **link;
  if(!stream->session)
    return;
  learn(stream);
  link = list_of(stream->session, stream->id);
  while(*link != transfer)
    link = &(*link)->stream.next;
  *link = stream->next;
  stream->session = NULL;
}

/* libcurl delivers at most this much at a time (CURL_MAX_WRITE_SIZE). Of a
   longer header section it forgets the rest, and what follows it, until
   something else arrives. */
#define PIECE (16 * 1024)

static bool has_long_section(const struct transfer *transfer)
{
  return loses(transfer) && transfer->stream.fields > PIECE;
}

/* Whether libcurl does not see by itself that a response is whole: it would go
   on with the request's body. */
static bool has_upload(const struct transfer *transfer)
{
  return transfer->flags & CSHIM_REQUEST_UPLOAD;
}

bool http2_frame(struct http2_session *session, struct transfer *transfer,
                 const union frame *frame)
{
  bool ends = frame->head.flags & FLAG_END_STREAM;
  if(frame->head.type == FRAME_GOAWAY) {
    session->leaving = true;
    session->error = frame->goaway.error;
    tell(session, CSHIM_CONNECTION_ANNOUNCED);
  }
  if(!transfer)
    return true;
  if(frame->head.type == FRAME_HEADERS) {
    transfer->stream.begun = true;
    transfer->stream.answered = transfer->stream.final;
    session->connection->session_changed |= has_long_section(transfer);
  }
  if(frame->head.type == FRAME_RST_STREAM)
    transfer->stream.reset = true;
  if(ends && (frame->head.type == FRAME_HEADERS ||
              frame->head.type == FRAME_DATA)) {
    transfer->stream.ended = true;
    session->connection->session_changed |= has_upload(transfer);
  }
  return frame->head.type != FRAME_RST_STREAM || !loses(transfer);
}

static bool is_named(const char *wanted, const uint8_t *name, size_t length)
{
  return length == strlen(wanted) && !memcmp(name, wanted, length);
}

bool http2_field(struct transfer *transfer, const uint8_t *name,
                 size_t name_length, const uint8_t *value,
                 size_t value_length)
{
  struct stream *stream = &transfer->stream;
  size_t limit = transfer->loop->limits.header_bytes;

  if(is_named(":status", name, name_length)) {
    stream->has_length = false; /* the length in an interim response does not
                                   count */
    stream->final = value_length && *value != '1';
  }
  if(is_named("content-length", name, name_length)) {
    size_t i; /* nghttp2 has checked that it is a number and occurs once */
    stream->has_length = true;
    stream->length = 0;
    for(i = 0; i < value_length; i++)
      stream->length = stream->length * 10 + (value[i] - '0');
  }
  stream->fields += name_length + value_length + FIELD_EXTRA;
  if(transfer->stream.fields <= (limit < FIELD_BYTES ? limit : FIELD_BYTES))
    return true;
  transfer->result_flags |= CSHIM_RESULT_TOO_LARGE;
  return false;
}

/* Up to some release between 8.5.0 and 8.14.1, libcurl ends a response when it
   has the length that was announced, and loses the trailer section. So it is
   not told: in the place of the field it gets one that no server can send,
   because HTTP/2 has no names in upper case. */
#define DISGUISE "X-"
#define DISGUISED DISGUISE "content-length"

const uint8_t *http2_name(const uint8_t *name, size_t *length)
{
  if(!is_named("content-length", name, *length))
    return name;
  *length = strlen(DISGUISED);
  return (const uint8_t *)DISGUISED;
}

/* How many bytes of a field line are to be taken off it again. */
size_t http2_disguise(const struct transfer *transfer, const char *line,
                      size_t length)
{
  return transfer->stream.sent && length > strlen(DISGUISED) &&
         !memcmp(line, DISGUISED, strlen(DISGUISED)) ? strlen(DISGUISE) : 0;
}

bool http2_closed(struct transfer *transfer, uint32_t *error)
{
  struct stream *stream = &transfer->stream;
  stream->closed = true;
  if(stream->ended) {
    *error = H2_NO_ERROR; /* the response is complete, whatever comes after
                             it */
    return true;
  }
  stream->error = *error;
  stream->refused = *error == H2_REFUSED_STREAM && !begun(transfer);
  stream->downgrade = *error == H2_HTTP_1_1_REQUIRED && !begun(transfer);
  /* libcurl takes NO_ERROR for the end of the response. It repeats a request
     that was refused, or for which the server requires HTTP/1.1, by itself */
  *error = H2_CANCEL;
  stream->withheld = loses(transfer) && !delivered(transfer);
  if(stream->withheld)
    transfer->connection->session_changed = true;
  return !stream->withheld;
}

/* Another part of the response was delivered. */
void http2_delivered(struct transfer *transfer, size_t length)
{
  transfer->stream.delivered += length;
  if(transfer->stream.session)
    transfer->stream.session->progress++;
  if(transfer->stream.withheld) {
    transfer->connection->session_changed = true;
    connection_touch(transfer->connection);
  }
}

bool http2_may_send(struct http2_session *session, struct transfer *transfer)
{
  struct stream *stream = &transfer->stream;
  if(stream->allowed && !session->broken && !session->leaving &&
     !session->closing)
    return true;
  /* libcurl would repeat it by itself, or too late */
  stream->refused = stream->allowed;
  stream->cut = true;
  return false;
}

void http2_sent(struct http2_session *session, struct transfer *transfer,
                int32_t id)
{
  struct stream *stream = &transfer->stream;
  forget(transfer);
  memset(stream, 0, sizeof(*stream));
  stream->next = *list_of(session, id);
  *list_of(session, id) = transfer;
  stream->session = session;
  stream->id = id;
  stream->sent = true;
  transfer->trailer.length = 0;
  if(transfer->upload_held) {
    transfer->result_flags |= CSHIM_RESULT_EXPECTS;
    results_tell(transfer);
  }
  if(!session->connection->proven)
    connection_prove(session->connection, true); /* others wait no longer */
}

void http2_broken(struct http2_session *session)
{
  if(session->broken)
    return;
  session->broken = true;
  session->connection->session_changed = true;
  tell(session, CSHIM_CONNECTION_UNUSABLE);
}

/* The server sends nothing more. libcurl 7.88.1 tells only one of the waiting
   transfers. */
void http2_closing(struct connection *connection)
{
  struct http2_session *session = connection->session;
  if(!session)
    return;
  session->closing = true;
  connection->session_changed = true;
  tell(session, CSHIM_CONNECTION_UNUSABLE);
}

void http2_gone(struct http2_session *session)
{
  size_t i;
  for(i = 0; i < STREAM_LISTS; i++) {
    while(session->streams[i]) {
      struct stream *stream = &session->streams[i]->stream;
      stream->cut = !stream->ended;
      forget(session->streams[i]);
    }
  }
}

/* Describes what happened to the stream, where libcurl may not. */
static void explain(struct transfer *transfer)
{
  const struct stream *stream = &transfer->stream;
  const char *what;
  uint32_t error = stream->error;

  if(stream->refused && stream->left) {
    what = "the server leaves the connection and has not processed the "
           "request";
    error = stream->goaway;
  }
  else if(stream->refused)
    what = "the server has not processed the request";
  else if(stream->reset)
    what = "the server reset the stream";
  else if(stream->broke) {
    what = "the server broke the protocol, the connection is closed";
    error = H2_PROTOCOL_ERROR;
  }
  else if(stream->closed && error == H2_PROTOCOL_ERROR)
    what = "the server broke the protocol, the stream is closed";
  else if(stream->cut && stream->left) {
    what = "the server left the connection before the response was whole";
    error = stream->goaway;
  }
  else if(stream->cut)
    what = "the connection ended before the response was whole";
  else
    return;
  snprintf(transfer->detail, sizeof(transfer->detail), "HTTP/2: %s (%s)",
           what, http2_error_name(error));
}

/* Whether libcurl uses this error for the end of a stream or of a
   connection. */
static bool is_end(CURLcode code)
{
  return code == CURLE_HTTP2_STREAM || code == CURLE_HTTP2 ||
         code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ||
         code == CURLE_PARTIAL_FILE || code == CURLE_GOT_NOTHING;
}

CURLcode http2_judge(struct transfer *transfer, CURLcode code)
{
  struct stream *stream = &transfer->stream;
  if(!stream->sent && !stream->refused)
    return code;
  learn(stream);
  if(is_end(code)) {
    if(whole(transfer))
      return CURLE_OK;
    stream->cut |= code != CURLE_HTTP2_STREAM && !stream->ended &&
                   !stream->reset && !stream->refused;
    explain(transfer);
  }
  else if(!code && !transfer->dropping && stream->id &&
          !whole_by_length(transfer) && !whole(transfer)) {
    stream->cut = true;
    strcpy(transfer->detail, stream->ended ?
           "HTTP/2: a part of the body was lost" :
           "HTTP/2: the response ended without END_STREAM");
    explain(transfer);
    code = CURLE_PARTIAL_FILE;
  }
  return code;
}

bool http2_cut(const struct transfer *transfer)
{
  const struct stream *stream = &transfer->stream;
  return stream->refused || stream->downgrade || stream->cut || stream->broke;
}

void http2_begin(struct transfer *transfer)
{
  forget(transfer);
  memset(&transfer->stream, 0, sizeof(transfer->stream));
  transfer->stream.allowed = true;
}

/* Makes libcurl look after a transfer that it has nothing to do for. */
static void go_on(struct transfer *transfer)
{
  curl_easy_pause(transfer->easy, CURLPAUSE_ALL);
  transfer_pause(transfer);
}

/* A complete response ends its request, even if libcurl would go on with the
   request's body. A response whose end libcurl was not told of ends its
   request when libcurl has delivered all of it. An error of the connection
   ends all requests on it, in their order. */
void http2_settle(struct connection *connection)
{
  struct cshim_loop *loop = connection->loop;
  struct transfer *transfer = connection->first;
  const struct http2_session *session = connection->session;
  bool ends = session && (session->broken || session->closing);
  if(!connection->session_changed)
    return;
  connection->session_changed = false;
  while(transfer && loop->result_count < CSHIM_MAX_BATCH) {
    struct transfer *next = transfer->next;
    const struct stream *stream = &transfer->stream;
    if(whole(transfer) && has_upload(transfer))
      results_finish(transfer, CURLE_OK);
    else if(has_long_section(transfer) && !transfer->paused && !ends &&
            (stream->ended || !delivered(transfer))) {
      connection->session_changed = true;
      go_on(transfer);
    }
    else if(stream->ended)
      connection->session_changed |= has_upload(transfer) &&
                                     !transfer->paused;
    else if(stream->withheld && delivered(transfer))
      results_finish(transfer, CURLE_HTTP2_STREAM);
    else if(stream->withheld && !ends)
      connection->session_changed |= !transfer->paused;
    else if(ends && stream->session)
      results_finish(transfer, CURLE_HTTP2);
    transfer = next;
  }
  connection->session_changed |= transfer != NULL;
}

void http2_left_stream(struct transfer *transfer)
{
  forget(transfer);
}

/* The request is cancelled: RST_STREAM is sent at once. */
void http2_leave_stream(struct transfer *transfer)
{
  struct stream *stream = &transfer->stream;
  if(!stream->session)
    return;
  if(!stream->closed && !stream->session->broken) {
    stream->session->connection->left = true;
    http2_reset(stream->session, stream->id);
    /* libcurl sends what it has buffered when a transfer resumes; at the end
       of the transfer it may leave it in its buffer */
    transfer->discarding = true;
    curl_easy_pause(transfer->easy, CURLPAUSE_ALL);
    curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
    transfer->discarding = false;
  }
}

/* CURLOPT_PREREQFUNCTION: this is the request that libcurl sends next. */
static int on_request(void *userp, char *primary_ip, char *local_ip,
                      int primary_port, int local_port)
{
  struct transfer *transfer = userp;
  (void)primary_ip;
  (void)local_ip;
  (void)primary_port;
  (void)local_port;
  transfer->connection->requesting = transfer;
  return 0; /* CURL_PREREQFUNC_OK */
}

bool http2_tie(struct transfer *transfer)
{
  CURLcode code = curl_easy_setopt(transfer->easy, OPT_PREREQFUNCTION,
                                   on_request);
  transfer->loop->sees_requests = !code;
  if(code)
    return code == CURLE_UNKNOWN_OPTION;
  return !curl_easy_setopt(transfer->easy, OPT_PREREQDATA, transfer);
}

void http2_untie(CURL *easy)
{
  curl_easy_setopt(easy, OPT_PREREQFUNCTION, NULL);
  curl_easy_setopt(easy, OPT_PREREQDATA, NULL);
}
