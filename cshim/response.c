/*
 * response.c: collects the header section, body and trailer section that
 * libcurl delivers. Checks them with the strict parser of framing.h, discards
 * what nobody wants, and pauses libcurl when the caller is slow.
 */
#include <string.h>
#include <strings.h>
#include "internal.h"

/* Before this release libcurl heeds fields about a body where there is none,
   see struct framing_rules. */
#define FIRST_BODILESS 0x074101 /* 7.65.1 */

static void forget(struct transfer *transfer)
{
  transfer->response.length = 0;
  if(!transfer->stream.sent) /* over HTTP/2 it may have come already */
    transfer->trailer.length = 0;
  transfer->header_length = 0;
  transfer->shown = 0;
}

void response_begin(struct transfer *transfer)
{
  struct framing_rules rules = {
    .head = transfer->flags & CSHIM_REQUEST_HEAD,
    .fields_stick = transfer->loop->libcurl < FIRST_BODILESS,
    .overhead = transfer->loop->limits.header_bytes
  };
  forget(transfer);
  framing_begin(&transfer->framing, &rules);
  transfer->refusal = NULL;
  transfer->satisfied = false;
  transfer->line_taken = false;
  transfer->sections_length = 0;
  transfer->interim.length = 0;
  buffer_free(&transfer->line);
}

void response_drop(struct transfer *transfer)
{
  transfer->dropping = true;
  transfer->header_length = 0;
  transfer->shown = 0;
  transfer->outstanding = 0;
  buffer_give(transfer->loop, &transfer->response);
  buffer_free(&transfer->trailer);
}

/* Lets libcurl deliver again. libcurl may call on_body() before this returns,
   which may pause it again. */
static void resume(struct transfer *transfer)
{
  if(!transfer->paused)
    return;
  transfer->paused = false;
  transfer_pause(transfer);
}

/* Has libcurl free what it has buffered of a paused transfer. If the transfer
   is removed while others are on its connection, libcurl keeps these bytes,
   and delivers them as part of the next response that the easy handle gets. */
void response_discard(struct transfer *transfer)
{
  transfer->discarding = true;
  resume(transfer);
  transfer->discarding = false;
}

/* Counts what arrived, and counts it as dropped if nothing is kept. Returns
   false if the transfer, and with it its connection, must be given up. */
static bool account(struct transfer *transfer, size_t length)
{
  struct cshim_loop *loop = transfer->loop;
  loop_count(loop, CSHIM_BYTES_RECEIVED, length);
  if(!transfer->dropping)
    return true;
  transfer->dropped += length;
  if(transfer->dropped <= loop->limits.dropped_bytes)
    return true;
  transfer->result_flags |= CSHIM_RESULT_GIVEN_UP;
  loop_count(loop, CSHIM_GIVEN_UP, 1);
  return false;
}

static void too_large(struct transfer *transfer)
{
  transfer->result_flags |= CSHIM_RESULT_TOO_LARGE;
  response_drop(transfer);
}

/* Keeps what arrived, unless this transfer keeps nothing or the limit is
   exceeded. */
static bool keep(struct transfer *transfer, struct buffer *buffer,
                 const char *data, size_t length, size_t limit)
{
  if(!transfer->dropping &&
     (buffer->length > limit || length > limit - buffer->length))
    too_large(transfer);
  return transfer->dropping || buffer_append(buffer, data, length);
}

/* Notes why the response is refused. The result, returned from libcurl's
   callback, ends the transfer and its connection. */
static bool refuse(struct transfer *transfer, const char *refusal)
{
  if(!transfer->header_taken)
    response_drop(transfer);
  transfer->refusal = refusal;
  return false;
}

/* Has the connection end with this response. */
static void close_after(struct transfer *transfer)
{
  transfer->special |= CSHIM_REQUEST_CLOSE;
  curl_easy_setopt(transfer->easy, CURLOPT_FORBID_REUSE, 1L);
}

/* After a status line. CURLINFO_RESPONSE_CODE does not have the status of a
   proxy's answer to CONNECT. */
static const char *judge_status(struct transfer *transfer)
{
  struct framing *framing = &transfer->framing;
  long status = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
  framing->tunnel = !framing->http2 && status != framing->status;
  return framing->http2 && !tls_is_http2(transfer) &&
         !(transfer->special & CSHIM_REQUEST_HTTP2) ?
         "HTTP/2 on a connection that has not agreed on it" : NULL;
}

/* Reads a line of a header section. Returns NULL if it is valid. */
static const char *read_line(struct transfer *transfer, const char *data,
                             size_t length)
{
  struct framing *framing = &transfer->framing;
  bool begins = framing->section != FRAMING_FIELDS;
  const char *refusal;

  if(begins && transfer->header_taken)
    return "a second response";
  if(begins) /* libcurl may repeat a request and discard its first response */
    forget(transfer);
  refusal = framing_line(framing, data, length);
  return refusal || !begins ? refusal : judge_status(transfer);
}

/* Notes that the response is complete although its request is not, as when a
   server refuses an upload. The rest of the request is not sent: the server
   would take it for another request. The connection therefore ends with the
   transfer. Over HTTP/2, libcurl sees the end of the stream itself. */
static bool is_answered_early(struct transfer *transfer)
{
  const struct framing *framing = &transfer->framing;
  if((transfer->flags & CSHIM_REQUEST_UPLOAD) && !upload_is_whole(transfer) &&
     framing->body != FRAMING_UNTIL_CLOSE &&
     framing->body != FRAMING_STREAM && framing_is_complete(framing))
    transfer->satisfied = true;
  return transfer->satisfied;
}

/* From this release on, libcurl repeats a request by itself if it waited for
   100 (Continue) and got 417. It does so on the same connection, where the
   server still waits for the body. */
#define FIRST_REPEATED 0x074500 /* 7.69.0 */

static bool is_repeated(const struct transfer *transfer)
{
  return transfer->framing.section == FRAMING_FINAL &&
         transfer->framing.status == 417 &&
         (transfer->flags & CSHIM_REQUEST_UPLOAD) &&
         !upload_is_whole(transfer) &&
         transfer->loop->libcurl >= FIRST_REPEATED;
}

/* Whether a header line says that this is the connection's last response. */
static bool announces_end(const char *line, size_t length)
{
  static const char name[] = "connection:";
  size_t at = sizeof(name) - 1;
  if(length < at || strncasecmp(line, name, at))
    return false;
  for(; at + 5 <= length; at++) {
    if(!strncasecmp(line + at, "close", 5))
      return true;
  }
  return false;
}

/* Notes what a response says about its connection. */
static void learn(struct transfer *transfer)
{
  struct connection *connection = transfer->connection;
  const struct framing *framing = &transfer->framing;
  if(framing->http10 && !framing->keeps)
    connection->news |= CSHIM_CONNECTION_ANNOUNCED;
  if(!connection->proven)
    connection_prove(connection, framing->http2);
}

/* The most memory that is reserved for a body whose length the server has
   announced. */
#define MOST_RESERVED (1024 * 1024)

/* Reserves memory for the whole of a body that is not streamed. A longer body
   grows the buffer, and keep() reports when there is no memory. */
static void reserve_body(struct transfer *transfer)
{
  const struct framing *framing = &transfer->framing;
  const struct stream *stream = &transfer->stream;
  uint64_t length = framing->body == FRAMING_LENGTH ? framing->left :
                    framing->body == FRAMING_STREAM && stream->has_length &&
                    !framing->rules.head ? stream->length : 0;
  if(transfer->dropping || (transfer->flags & CSHIM_REQUEST_STREAM) ||
     length > transfer->loop->limits.response_bytes)
    return;
  if(length > MOST_RESERVED)
    length = MOST_RESERVED;
  buffer_reserve(&transfer->response,
                 transfer->response.length + (size_t)length);
}

/* After the last line of the response's header section. */
static bool begin_body(struct transfer *transfer)
{
  learn(transfer);
  transfer->header_length = transfer->response.length;
  if((transfer->flags & CSHIM_REQUEST_STREAM) && !transfer->dropping)
    results_tell(transfer);
  reserve_body(transfer);
  if(framing_ends_unseen(&transfer->framing))
    close_after(transfer);
  transfer->satisfied = framing_complete_unseen(&transfer->framing);
  return !is_answered_early(transfer) && !is_repeated(transfer);
}

/* Over HTTP/2, a trailer section's end comes as a header line; its fields
   were taken before. Over HTTP/1.1 all comes with the body. */
static bool is_trailer(const struct transfer *transfer, const char *data,
                       size_t length)
{
  return transfer->framing.section == FRAMING_FINAL &&
         transfer->framing.http2 && (length < 5 || memcmp(data, "HTTP/", 5));
}

/* After the last line of an interim response's header section. */
static bool tell_interim(struct transfer *transfer)
{
  const struct buffer *section = &transfer->response;
  if(transfer->framing.status == 100 && transfer->framing.http2 &&
     transfer->upload_held)
    upload_want(transfer);
  if(!(transfer->flags & CSHIM_REQUEST_INTERIM) || transfer->dropping)
    return true;
  transfer->sections_length = 0;
  results_tell(transfer);
  return buffer_append(&transfer->interim, section->data, section->length);
}

/* Takes a line of a header section. Returns false to end the transfer. */
static bool take_line(struct transfer *transfer, const char *line,
                      size_t line_length)
{
  size_t disguise = http2_disguise(transfer, line, line_length);
  const char *data = line + disguise;
  size_t length = line_length - disguise;
  size_t limit = transfer->loop->limits.header_bytes;
  const char *refusal;

  if(is_trailer(transfer, data, length))
    return true;
  refusal = read_line(transfer, data, length);
  if(refusal)
    return refuse(transfer, refusal);
  transfer->line_taken = true;
  if(!transfer->dropping && !buffer_take(transfer->loop, &transfer->response))
    return false;
  if(announces_end(data, length))
    transfer->connection->news |= CSHIM_CONNECTION_ANNOUNCED;
  transfer->sections_length += length;
  if(transfer->sections_length > limit && !transfer->dropping) {
    bool interim = transfer->sections_length > limit +
                                               transfer->response.length;
    too_large(transfer);
    if(interim) /* their number has no limit, so reading might never end */
      return false;
  }
  if(!keep(transfer, &transfer->response, data, length, limit))
    return false;
  transfer->sections += transfer->framing.section != FRAMING_FIELDS;
  if(transfer->framing.section == FRAMING_INTERIM)
    return tell_interim(transfer);
  return transfer->framing.section != FRAMING_FINAL || begin_body(transfer);
}

/* CURLOPT_HEADERFUNCTION: called for each line; the last line of a section is
   empty. Sections of interim responses come first. Some releases, 7.53.1 among
   them, call it for each CURL_MAX_WRITE_SIZE bytes of a longer line. Others,
   8.23.0 among them, call it for a line that the end of the connection cut.
   A line is therefore read when its end has come. */
static size_t on_header(char *data, size_t size, size_t count, void *userp)
{
  struct transfer *transfer = userp;
  struct buffer *line = &transfer->line;
  size_t length = size * count;
  bool taken;

  transfer->begun = true;
  if(!account(transfer, length))
    return 0;
  if(!length || data[length - 1] != '\n')
    taken = buffer_append(line, data, length);
  else if(!line->length)
    taken = take_line(transfer, data, length);
  else {
    taken = buffer_append(line, data, length) &&
            take_line(transfer, line->data, line->length);
    buffer_free(line);
  }
  return taken ? length : 0;
}

/* Keeps the body and trailer section in these bytes, without the transfer
   coding. Reads all of them even if nothing is kept, because another response
   may follow. */
static bool take(struct transfer *transfer, const char *data, size_t length)
{
  const struct cshim_limits *limits = &transfer->loop->limits;
  bool stream = transfer->flags & CSHIM_REQUEST_STREAM;
  const char *refusal;
  const char *piece;
  size_t piece_length;

  while(length) {
    bool kept = true;
    switch(framing_take(&transfer->framing, &data, &length, &piece,
                        &piece_length, &refusal)) {
    case FRAMING_DATA:
      kept = keep(transfer, &transfer->response, piece, piece_length,
                  stream ? SIZE_MAX : limits->response_bytes);
      break;
    case FRAMING_TRAILER:
      kept = keep(transfer, &transfer->trailer, piece, piece_length,
                  limits->header_bytes);
      break;
    case FRAMING_REFUSED:
      refuse(transfer, refusal);
      return false;
    case FRAMING_TOO_LONG:
      too_large(transfer);
      return false;
    default:
      break;
    }
    if(!kept)
      return false;
  }
  return true;
}

/* CURLOPT_WRITEFUNCTION */
static size_t on_body(char *data, size_t size, size_t count, void *userp)
{
  struct transfer *transfer = userp;
  const struct cshim_limits *limits = &transfer->loop->limits;
  size_t length = size * count;
  size_t before = transfer->response.length;
  bool news = (transfer->flags & CSHIM_REQUEST_STREAM) &&
              !transfer->dropping;

  transfer->begun = true;
  http2_delivered(transfer, length);
  if(transfer->discarding)
    return length;
  if(transfer->framing.section != FRAMING_FINAL)
    return refuse(transfer, "a body without a header section");
  if(news && transfer->outstanding &&
     length > limits->window_bytes - transfer->outstanding) {
    transfer->paused = true;
    transfer->stream.delivered -= length;
    return CURL_WRITEFUNC_PAUSE;
  }
  if(!account(transfer, length) || !take(transfer, data, length) ||
     is_answered_early(transfer))
    return 0;
  if(!news || transfer->dropping)
    return length;
  /* counts what the caller gets and reports as consumed: not the chunk
     sizes */
  transfer->outstanding += transfer->response.length - before;
  if(transfer->outstanding > limits->window_bytes) /* one piece, no more */
    transfer->outstanding = limits->window_bytes;
  results_tell(transfer);
  return length;
}

/* Whether libcurl itself calls the response malformed. For a folded line at
   the beginning of a section it reports a bad argument. */
static bool is_refusal(const struct transfer *transfer, CURLcode code)
{
  switch(code) {
  case CURLE_WEIRD_SERVER_REPLY:
    return true;
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_BAD_FUNCTION_ARGUMENT:
    return transfer_sent(transfer);
  default:
    return false;
  }
}

/* Whether the server ended the connection within the header section. libcurl
   makes a response of that, or with the patches calls it malformed. */
static bool is_cut(const struct transfer *transfer, CURLcode code)
{
  if(transfer->refusal || transfer->stream.sent ||
     transfer->framing.section == FRAMING_FINAL)
    return false;
  if(code == CURLE_WEIRD_SERVER_REPLY)
    return strstr(transfer->detail, "the header section does not end");
  /* a libcurl that could not rewind a body also returns CURLE_OK, see
     transfer_lost() */
  return !code &&
         (transfer->begun || !(transfer->flags & CSHIM_REQUEST_UPLOAD));
}

/* The transfer has ended with this code. Returns the result of the
   response. */
CURLcode response_end(struct transfer *transfer, CURLcode code)
{
  const struct framing *framing = &transfer->framing;
  if(transfer->satisfied)
    return CURLE_OK;
  if(is_cut(transfer, code)) {
    strcpy(transfer->detail, "the connection ended within the header section");
    return CURLE_PARTIAL_FILE;
  }
  if(code == CURLE_WRITE_ERROR && !transfer->refusal &&
     is_repeated(transfer))
    return CURLE_PARTIAL_FILE;
  if(is_refusal(transfer, code) && !transfer->refusal)
    transfer->refusal = transfer->detail;
  if(!code && framing->section == FRAMING_FINAL &&
     !framing_is_complete(framing)) {
    transfer->refusal = "the body is not complete";
    return CURLE_PARTIAL_FILE;
  }
  return code;
}

void response_consumed(struct transfer *transfer, size_t bytes)
{
  transfer->outstanding = bytes < transfer->outstanding ?
                          transfer->outstanding - bytes : 0;
  if(transfer->outstanding <= transfer->loop->limits.window_bytes / 2)
    resume(transfer);
}

void cshim_loop_drop(struct cshim_loop *loop, uint32_t slot)
{
  struct transfer *transfer = results_use(loop, slot);
  response_drop(transfer);
  if(transfer->state == TRANSFER_ACTIVE)
    resume(transfer);
}

void cshim_loop_consumed(struct cshim_loop *loop, uint32_t slot,
                         size_t bytes)
{
  struct transfer *transfer = results_use(loop, slot);
  if(transfer->state == TRANSFER_ACTIVE)
    response_consumed(transfer, bytes);
}

bool response_tie(struct transfer *transfer)
{
  CURL *easy = transfer->easy;
  return
    !curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) &&
    !curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) &&
    /* libcurl delivers bodies as they are on the wire; framing_take() decodes
       them */
    !curl_easy_setopt(easy, CURLOPT_HTTP_TRANSFER_DECODING, 0L) &&
    !curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L) &&
    /* no header sections in the body, and no other end of it */
    !curl_easy_setopt(easy, CURLOPT_HEADER, 0L) &&
    !curl_easy_setopt(easy, CURLOPT_IGNORE_CONTENT_LENGTH, 0L) &&
    !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) &&
    !curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
}

void response_untie(CURL *easy)
{
  curl_easy_setopt(easy, CURLOPT_HTTP_TRANSFER_DECODING, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 1L);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, NULL);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, NULL);
}
