/*
 * transfer.c: one request and its response. Prepares an easy handle for a
 * request and gathers what libcurl delivers.
 */
#include <stdlib.h>
#include <string.h>
#include "internal.h"

/* A buffer that grew beyond this is given back when its request is done. */
#define KEEP_CAPACITY (64 * 1024)

static bool reserve(struct buffer *buffer, size_t capacity)
{
  size_t bigger = buffer->capacity ? buffer->capacity : 1024;
  char *data;
  if(capacity <= buffer->capacity)
    return true;
  while(bigger < capacity) {
    if(bigger > SIZE_MAX / 2)
      return false;
    bigger *= 2;
  }
  data = realloc(buffer->data, bigger);
  if(!data)
    return false;
  buffer->data = data;
  buffer->capacity = bigger;
  return true;
}

static bool append(struct buffer *buffer, const char *data, size_t length)
{
  if(length > SIZE_MAX - buffer->length ||
     !reserve(buffer, buffer->length + length))
    return false;
  memcpy(buffer->data + buffer->length, data, length);
  buffer->length += length;
  return true;
}

static void give_back(struct buffer *buffer)
{
  free(buffer->data);
  memset(buffer, 0, sizeof(*buffer));
}

static void forget_response(struct transfer *transfer)
{
  transfer->response.length = 0;
  transfer->trailer.length = 0;
  transfer->header_length = 0;
  transfer->header_complete = false;
}

void transfer_drop(struct transfer *transfer)
{
  transfer->dropping = true;
  transfer->header_length = 0;
  give_back(&transfer->response);
  give_back(&transfer->trailer);
}

/* Keeps what came, or throws it away when this transfer keeps nothing or the
   section it belongs to grows beyond its limit. False: give the transfer, and
   so its connection, up. */
static bool take(struct transfer *transfer, struct buffer *buffer,
                 const char *data, size_t length, size_t limit)
{
  const struct cshim_limits *limits = &transfer->loop->limits;

  if(!transfer->dropping &&
     (buffer->length > limit || length > limit - buffer->length)) {
    transfer->result_flags |= CSHIM_RESULT_TOO_LARGE;
    transfer_drop(transfer);
  }
  if(!transfer->dropping)
    return append(buffer, data, length);

  transfer->dropped += length;
  if(transfer->dropped <= limits->dropped_bytes)
    return true;
  transfer->result_flags |= CSHIM_RESULT_GIVEN_UP;
  atomic_fetch_add(&transfer->loop->counters[CSHIM_GIVEN_UP], 1);
  return false;
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
     that it asked for again. */
  if(length >= 5 && !memcmp(data, "HTTP/", 5))
    forget_response(transfer);

  if(transfer->header_complete)
    return take(transfer, &transfer->trailer, data, length, limit) ?
           length : 0;

  kept = take(transfer, &transfer->response, data, length, limit);
  if(data[0] == '\r' || data[0] == '\n') {
    transfer->header_complete = true;
    transfer->header_length = transfer->response.length;
  }
  return kept ? length : 0;
}

/* CURLOPT_WRITEFUNCTION */
static size_t on_body(char *data, size_t size, size_t count, void *userp)
{
  struct transfer *transfer = userp;
  size_t length = size * count;
  return take(transfer, &transfer->response, data, length,
              transfer->loop->limits.response_bytes) ? length : 0;
}

static bool tie(struct transfer *transfer)
{
  CURL *easy = transfer->easy;
  struct cshim_loop *loop = transfer->loop;
  return
    !curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) &&
    !curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->detail) &&
    !curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) &&
    !curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) &&
    !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) &&
    !curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) &&
    !curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, watch_open_socket) &&
    !curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, loop) &&
    !curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION,
                      watch_close_socket) &&
    !curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, loop);
}

static void untie(CURL *easy)
{
  curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, NULL);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, NULL);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, NULL);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, NULL);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
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
  give_back(&transfer->response);
  give_back(&transfer->trailer);
  give_back(&transfer->text);
  free(transfer->lines);
  free(transfer);
}

/* Header lines lie one after the other in text. libcurl only ever reads the
   list, so its nodes need not come from curl_slist_append(), which would
   allocate twice for each line. */
static bool list_lines(struct transfer *transfer, char *line, const char *end)
{
  size_t count = 0;
  size_t i;
  const char *scan;
  for(scan = line; scan < end; scan += strlen(scan) + 1)
    count++;
  if(count > transfer->lines_capacity) {
    struct curl_slist *lines = realloc(transfer->lines,
                                       count * sizeof(*lines));
    if(!lines)
      return false;
    transfer->lines = lines;
    transfer->lines_capacity = count;
  }
  for(i = 0; i < count; i++) {
    transfer->lines[i].data = line;
    transfer->lines[i].next = i + 1 < count ? &transfer->lines[i + 1] : NULL;
    line += strlen(line) + 1;
  }
  return true;
}

CURLcode transfer_prepare(struct transfer *transfer,
                          const struct cshim_request *request,
                          const char *text)
{
  size_t length = request->url_length + 1 + request->headers_length;
  const char *url = text + request->text;
  bool same_url = transfer->text.length > request->url_length &&
                  !memcmp(transfer->text.data, url, request->url_length + 1);
  CURLcode code;

  forget_response(transfer);
  transfer->dropping = false;
  transfer->dropped = 0;
  transfer->result_flags = 0;
  transfer->detail[0] = '\0';

  transfer->text.length = 0;
  if(!append(&transfer->text, url, length) ||
     !list_lines(transfer, transfer->text.data + request->url_length + 1,
                 transfer->text.data + length))
    return CURLE_OUT_OF_MEMORY;

  /* libcurl copies the URL and keeps it for the next request */
  if(!same_url) {
    code = curl_easy_setopt(transfer->easy, CURLOPT_URL, transfer->text.data);
    if(code) {
      transfer->text.length = 0; /* do not take it for set the next time */
      return code;
    }
  }
  code = curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER,
                          request->headers_length ? transfer->lines : NULL);
  if(code)
    return code;
  if(request->flags & CSHIM_REQUEST_HEAD)
    return curl_easy_setopt(transfer->easy, CURLOPT_NOBODY, 1L);
  return curl_easy_setopt(transfer->easy, CURLOPT_HTTPGET, 1L);
}

void transfer_result(struct transfer *transfer, CURLcode code,
                     struct cshim_result *result)
{
  result->slot = transfer->slot;
  result->flags = transfer->result_flags;
  result->code = (int32_t)code;
  result->response = transfer->response.data;
  result->header_length = transfer->header_length;
  result->body_length = transfer->response.length - transfer->header_length;
  result->trailer = transfer->trailer.data;
  result->trailer_length = transfer->trailer.length;
  result->detail = transfer->detail;
}

void transfer_rest(struct transfer *transfer)
{
  if(transfer->response.capacity > KEEP_CAPACITY)
    give_back(&transfer->response);
  if(transfer->trailer.capacity > KEEP_CAPACITY)
    give_back(&transfer->trailer);
}
