/*
 * transfer.c: an attached easy handle: its links to the loop, and the result
 * of its request.
 */
#include <stdlib.h>
#include <string.h>
#include "internal.h"

/* A larger buffer is freed when its request is done. */
#define KEEP_CAPACITY (64 * 1024)

static bool tie(struct transfer *transfer)
{
  CURL *easy = transfer->easy;
  return
    !curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) &&
    !curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->detail) &&
    !curl_easy_setopt(easy, CURLOPT_SHARE, transfer->loop->share) &&
    socket_tie(transfer) && tls_tie(transfer) && http2_tie(transfer) &&
    response_tie(transfer) && upload_tie(transfer) &&
    request_tie(transfer);
}

static void untie(CURL *easy)
{
  curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
  curl_easy_setopt(easy, CURLOPT_SHARE, NULL);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
  socket_untie(easy);
  http2_untie(easy);
  tls_untie(easy);
  response_untie(easy);
  upload_untie(easy);
}

struct transfer *transfer_new(struct cshim_loop *loop, CURL *easy,
                              uint32_t slot)
{
  struct transfer *transfer = calloc(1, sizeof(*transfer));
  if(!transfer)
    return NULL;
  transfer->loop = loop;
  transfer->easy = easy;
  transfer->slot = slot;
  if(!tie(transfer)) {
    transfer_free(transfer);
    return NULL;
  }
  return transfer;
}

void transfer_free(struct transfer *transfer)
{
  untie(transfer->easy);
  buffer_free(&transfer->response);
  buffer_free(&transfer->line);
  buffer_free(&transfer->interim);
  buffer_free(&transfer->trailer);
  buffer_free(&transfer->text);
  buffer_free(&transfer->upload);
  free(transfer->lines);
  free(transfer);
}

/* Tells libcurl which directions wait for the caller; the others go on.
   libcurl sets a timer that it announces only in its next turn. It may deliver
   what it has buffered before this returns. If that fails, the data is lost,
   and the transfer would go on without it. */
void transfer_pause(struct transfer *transfer)
{
  struct connection *before = http2_enter(transfer->connection);
  transfer->broken =
    curl_easy_pause(transfer->easy,
                    (transfer->paused ? CURLPAUSE_RECV : 0) |
                    (transfer->upload_waiting ? CURLPAUSE_SEND : 0));
  http2_leave(before);
  transfer->connection->has_broken |= transfer->broken != CURLE_OK;
  watch_futile(transfer->connection, false);
  transfer->connection->timer_set = true;
  transfer->connection->timer_at = 0;
  connection_touch(transfer->connection);
}

/* Whether libcurl returns this code when a connection fails. */
static bool of_connection(CURLcode code)
{
  switch((int)code) {
  case CURLE_OK: /* could not rewind the body, and does not say so */
  case CURLE_COULDNT_CONNECT: /* asked for another connection, which was
                                 refused */
  case CURLE_GOT_NOTHING:
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
  case CURLE_SEND_FAIL_REWIND: /* for another one */
  case 16: /* CURLE_HTTP2 */
  case 92: /* CURLE_HTTP2_STREAM */
    return true;
  default:
    return false;
  }
}

/* Notes that a transfer failed because its connection did, and before its
   response began, if that is so. Returns the code of the failure. */
CURLcode transfer_lost(struct transfer *transfer,
                       const struct connection *connection, CURLcode code)
{
  const struct stream *stream = &transfer->stream;
  if(transfer->begun || stream->begun || transfer->refusal ||
     !of_connection(code) ||
     !(connection->over || transfer->refused || http2_cut(transfer)))
    return code;
  transfer->result_flags |= CSHIM_RESULT_LOST;
  if(stream->refused)
    transfer->result_flags |= CSHIM_RESULT_UNPROCESSED;
  if(stream->downgrade)
    transfer->result_flags |= CSHIM_RESULT_HTTP11;
  upload_again(transfer); /* what is fed from now on comes after it */
  if(http2_cut(transfer) || stream->sent) /* http2_judge() has decided it */
    return code == CURLE_COULDNT_CONNECT ? CURLE_RECV_ERROR : code;
  strcpy(transfer->detail, "the connection closed before the response");
  return code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ?
         code : CURLE_GOT_NOTHING;
}

/* Says what libcurl, from 7.71.0 on, does not: a line that is over its limit
   fails as if memory had run out. */
#define FIRST_WITHOUT_WORDS 0x074700 /* 7.71.0 */
#define TOO_LARGE 100 /* CURLE_TOO_LARGE, of 8.6.0 */

void transfer_explain(struct transfer *transfer, CURLcode code)
{
  if((code == CURLE_OUT_OF_MEMORY || (int)code == TOO_LARGE) &&
     transfer->begun && transfer->framing.section != FRAMING_FINAL &&
     !transfer->refusal && !transfer->detail[0] &&
     transfer->loop->libcurl >= FIRST_WITHOUT_WORDS)
    strcpy(transfer->detail, "a line of the header section is longer than "
                             "the 100 kB that libcurl accepts");
}

/* Bytes of the request that were sent. */
long transfer_sent(const struct transfer *transfer)
{
  long sent = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
  return sent;
}

bool cshim_loop_sent(const struct cshim_loop *loop, uint32_t slot)
{
  return transfer_sent(loop->slots[slot]) > 0;
}

/* For a system that does not count a connection's bytes: those of this
   transfer that libcurl has delivered or taken. */
static uint64_t transfer_bytes(const struct transfer *transfer)
{
  double received = 0, sent = 0;
  long header = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD, &received);
  curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD, &sent);
  curl_easy_getinfo(transfer->easy, CURLINFO_HEADER_SIZE, &header);
  return (uint64_t)received + (uint64_t)sent + (uint64_t)header;
}

struct cshim_progress cshim_loop_progress(const struct cshim_loop *loop,
                                          uint32_t slot)
{
  const struct transfer *transfer = loop->slots[slot];
  bool upload = transfer->flags & CSHIM_REQUEST_UPLOAD;
  struct cshim_progress progress = {
    .bytes = system_bytes(transfer->connection, upload),
    .heard = transfer->connection->moves,
    .sections = transfer->sections,
    .answered = transfer->framing.section == FRAMING_FINAL
  };
  if(!progress.bytes)
    progress.bytes = transfer_bytes(transfer);
  return progress;
}

const char *cshim_loop_text(const struct cshim_loop *loop, uint32_t slot,
                            size_t *length)
{
  const struct buffer *text = &loop->slots[slot]->text;
  *length = text->length;
  return text->data;
}

/* Adds the bytes of a request to the counters, at its end. */
static void count(struct transfer *transfer)
{
  struct cshim_loop *loop = transfer->loop;
  long sent = transfer->submitted ? transfer_sent(transfer) : 0;
  double uploaded = 0;
  if(sent)
    transfer->result_flags |= CSHIM_RESULT_SENT;
  if(transfer->submitted && (transfer->flags & CSHIM_REQUEST_UPLOAD))
    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD, &uploaded);
  loop_count(loop, CSHIM_BYTES_SENT, (uint64_t)sent + (uint64_t)uploaded);
}

/* libcurl 7.84.0 to 8.0.1 take a folded line at the beginning of a header
   section for the continuation of a field of the easy handle's last response,
   whose memory they have freed. A handle therefore gets only one response over
   HTTP/1.1. HTTP/2 has no folded lines: nghttp2 refuses names that begin with
   white space. */
static bool remembers_headers(const struct transfer *transfer)
{
  unsigned libcurl = transfer->loop->libcurl;
  return transfer->line_taken && libcurl >= 0x075400 &&
         libcurl < 0x080100;
}

/* Whether its easy handle may be used for that connection. */
bool transfer_fits(const struct transfer *transfer,
                   const struct connection *connection)
{
  return !transfer->http2_only || connection->over || connection->session;
}

/* Fills in what has arrived since the last result. `code` is -1 while the
   request goes on. */
void transfer_result(struct transfer *transfer, int code,
                     struct cshim_result *result)
{
  bool done = code != -1;
  bool show = !code || transfer->framing.section == FRAMING_FINAL;
  bool remembers = done && remembers_headers(transfer);
  size_t header = show ? transfer->header_length : 0;
  transfer->shown = show ? transfer->response.length : 0;
  if(done)
    count(transfer);
  result->slot = transfer->slot;
  result->flags = transfer->result_flags;
  transfer->result_flags &= ~(uint32_t)(CSHIM_RESULT_HUNGRY |
                                        CSHIM_RESULT_EXPECTS); /* told now */
  if(done) {
    result->flags |= CSHIM_RESULT_DONE;
    if(transfer->refusal && code)
      result->flags |= CSHIM_RESULT_MALFORMED |
                       (transfer->line_taken ? 0 : CSHIM_RESULT_EXCESS);
    transfer->http2_only |= remembers && transfer->stream.sent;
    /* see response_discard(): it is too late for that */
    if(transfer->paused || (remembers && (code || !transfer->stream.sent)))
      result->flags |= CSHIM_RESULT_SPENT;
    if(transfer->http2_only)
      result->flags |= CSHIM_RESULT_HTTP2_ONLY;
  }
  result->code = done ? code : 0;
  result->response = transfer->response.data;
  result->header_length = header;
  result->body_length = transfer->shown - header;
  result->interim = transfer->interim.data;
  result->interim_length = transfer->interim.length;
  result->trailer = transfer->trailer.data;
  result->trailer_length = transfer->trailer.length;
  result->detail = transfer->refusal ? transfer->refusal :
                   transfer->untrusting ?
                   "the file of certificate authorities cannot be read" :
                   transfer->detail;
}

/* The caller has read the result of a request that goes on. More may have
   arrived since: over HTTP/2, resuming one transfer makes libcurl deliver to
   others as well. */
void transfer_taken(struct transfer *transfer)
{
  struct buffer *response = &transfer->response;
  transfer->interim.length = 0;
  if(!transfer->shown)
    return;
  response->length -= transfer->shown;
  if(response->length)
    memmove(response->data, response->data + transfer->shown,
            response->length);
  transfer->shown = 0;
  transfer->header_taken = true;
  transfer->header_length = 0;
}

/* The request has ended, and the caller has its result. */
void transfer_rest(struct transfer *transfer)
{
  buffer_free(&transfer->interim);
  buffer_give(transfer->loop, &transfer->response);
  if(transfer->trailer.capacity > KEEP_CAPACITY)
    buffer_free(&transfer->trailer);
  if(transfer->upload.capacity > KEEP_CAPACITY &&
     !(transfer->result_flags & CSHIM_RESULT_LOST)) /* it may go out again */
    buffer_free(&transfer->upload);
}
