/*
 * response.c: gathers what libcurl delivers of a response: header section,
 * body, trailer section. Throws away what nobody wants, and stops libcurl when
 * the caller is slow to take what it wants.
 */
#include <string.h>
#include "internal.h"

void response_forget(struct transfer *transfer)
{
  transfer->response.length = 0;
  transfer->trailer.length = 0;
  transfer->header_length = 0;
  transfer->header_complete = false;
  transfer->header_final = false;
  transfer->shown = 0;
}

void response_drop(struct transfer *transfer)
{
  transfer->dropping = true;
  transfer->header_length = 0;
  transfer->shown = 0;
  transfer->outstanding = 0;
  buffer_free(&transfer->response);
  buffer_free(&transfer->trailer);
}

/* Lets libcurl deliver again. That may call on_body() at once, which may pause
   it again. */
static void resume(struct transfer *transfer)
{
  if(!transfer->paused)
    return;
  transfer->paused = false;
  transfer_pause(transfer);
}

/* Has libcurl let go of what it has kept of a paused transfer. It does not do
   so by itself when the transfer is removed and others are on its connection,
   and delivers it as a part of the next response that the easy handle gets. */
void response_discard(struct transfer *transfer)
{
  transfer->discarding = true;
  resume(transfer);
  transfer->discarding = false;
}

/* Keeps what came, or throws it away when this transfer keeps nothing or the
   section it belongs to grows beyond its limit. False: give the transfer, and
   so its connection, up. */
static bool take(struct transfer *transfer, struct buffer *buffer,
                 const char *data, size_t length, size_t limit)
{
  struct cshim_loop *loop = transfer->loop;

  loop_count(loop, CSHIM_BYTES_RECEIVED, length);
  if(!transfer->dropping &&
     (buffer->length > limit || length > limit - buffer->length)) {
    transfer->result_flags |= CSHIM_RESULT_TOO_LARGE;
    response_drop(transfer);
  }
  if(!transfer->dropping)
    return buffer_append(buffer, data, length);

  transfer->dropped += length;
  if(transfer->dropped <= loop->limits.dropped_bytes)
    return true;
  transfer->result_flags |= CSHIM_RESULT_GIVEN_UP;
  loop_count(loop, CSHIM_GIVEN_UP, 1);
  return false;
}

/* Whether the header section that just ended is that of the response, and not
   an interim one or a proxy's answer to CONNECT: those do not count as
   CURLINFO_RESPONSE_CODE. */
static bool is_final(struct transfer *transfer)
{
  long status = 0;
  const char *line = transfer->response.data;
  const char *end = line + transfer->response.length;
  const char *blank = memchr(line, ' ', (size_t)(end - line));
  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
  return status >= 200 && blank && end - blank > 3 &&
         blank[1] == '0' + status / 100 &&
         blank[2] == '0' + status / 10 % 10 && blank[3] == '0' + status % 10;
}

/* CURLOPT_HEADERFUNCTION: one line a call, the last one of a section empty.
   Sections of interim responses come first, a trailer section comes last. */
static size_t on_header(char *data, size_t size, size_t count, void *userp)
{
  struct transfer *transfer = userp;
  size_t length = size * count;
  size_t limit = transfer->loop->limits.header_bytes;
  bool kept;

  /* A field name has no slash in it, so this is a status line. libcurl may
     have thrown away the response before it: one that is interim, or one
     that it asked for again. One that the caller has seen stays. */
  if(length >= 5 && !memcmp(data, "HTTP/", 5)) {
    if(transfer->header_taken)
      return 0;
    response_forget(transfer);
  }

  if(transfer->header_complete)
    return take(transfer, &transfer->trailer, data, length, limit) ?
           length : 0;

  kept = take(transfer, &transfer->response, data, length, limit);
  if(data[0] == '\r' || data[0] == '\n') {
    transfer->header_complete = true;
    transfer->header_length = transfer->response.length;
    if((transfer->flags & CSHIM_REQUEST_STREAM) && !transfer->dropping &&
       is_final(transfer)) {
      transfer->header_final = true;
      results_tell(transfer);
    }
  }
  return kept ? length : 0;
}

/* CURLOPT_WRITEFUNCTION */
static size_t on_body(char *data, size_t size, size_t count, void *userp)
{
  struct transfer *transfer = userp;
  const struct cshim_limits *limits = &transfer->loop->limits;
  size_t length = size * count;

  if(transfer->discarding)
    return length;
  if(!(transfer->flags & CSHIM_REQUEST_STREAM) || transfer->dropping)
    return take(transfer, &transfer->response, data, length,
                limits->response_bytes) ? length : 0;

  if(transfer->outstanding &&
     length > limits->window_bytes - transfer->outstanding) {
    transfer->paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  if(!take(transfer, &transfer->response, data, length, SIZE_MAX))
    return 0;
  transfer->outstanding += length;
  if(transfer->outstanding > limits->window_bytes) /* one piece, no more */
    transfer->outstanding = limits->window_bytes;
  results_tell(transfer);
  return length;
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
    !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) &&
    !curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
}

void response_untie(CURL *easy)
{
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, NULL);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, NULL);
}
