#include "transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The first releases whose CURLOPT_SSLVERSION accepts TLS 1.3, and a maximum
   beside the minimum (before, the number is both). */
#define VERSION_WITH_TLS_1_3 0x073400 /* 7.52.0 */
#define VERSION_WITH_MAXIMUM 0x073600 /* 7.54.0 */
/* Two releases refuse every maximum. The origin speaks one version only. */
#define REFUSES_MAXIMUM_FROM 0x073801 /* 7.56.1 */
#define REFUSES_MAXIMUM_TO 0x073900   /* 7.57.0 */

#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

long long now_ns(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}

bool transfer_tls_possible(enum plan_tls tls, struct plan_error *error)
{
  const curl_version_info_data *loaded = curl_version_info(CURLVERSION_NOW);

  if(tls == PLAN_TLS_1_3 && loaded->version_num < VERSION_WITH_TLS_1_3) {
    snprintf(error->text, sizeof(error->text), "unimplemented: libcurl %s "
             "cannot be held to TLS 1.3, that takes 7.52.0 or later",
             loaded->version);
    return false;
  }
  return true;
}

/* The number that makes the loaded libcurl use exactly one version. */
static long ssl_version(enum plan_tls tls)
{
  long version = tls == PLAN_TLS_1_3 ?
    CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2;
  unsigned int loaded = curl_version_info(CURLVERSION_NOW)->version_num;

  if(loaded >= VERSION_WITH_MAXIMUM &&
     (loaded < REFUSES_MAXIMUM_FROM || loaded > REFUSES_MAXIMUM_TO))
    version |= version << 16;
  return version;
}

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
  struct transfer *transfer = user;

  (void)data;
  *transfer->moved_ns = now_ns();
  return size * count;
}

static void add_to_body_id(struct transfer *transfer, const char *data,
                           size_t len)
{
  size_t i;

  for(i = 0; i < len && !transfer->body_id_whole; i++) {
    if(data[i] == '\n' || transfer->body_id_len == TRANSFER_BODY_ID_MAX)
      transfer->body_id_whole = true;
    else /* the report is text: other bytes become question marks */
      transfer->body_id[transfer->body_id_len++] =
        data[i] >= ' ' && data[i] <= '~' ? data[i] : '?';
  }
}

/* True if the write callback is to pause, or is paused. libcurl keeps the
   bytes of this call and delivers them again later. */
static bool pauses(struct transfer *transfer, size_t len)
{
  if(transfer->paused)
    transfer->paused_bytes += len;
  else if(transfer->pause_is_due)
    transfer->paused = true;
  transfer->pause_is_due = false;
  return transfer->paused;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
  struct transfer *transfer = user;
  size_t len = size * count;
  size_t i;

  *transfer->moved_ns = now_ns();
  if(pauses(transfer, len))
    return CURL_WRITEFUNC_PAUSE;
  add_to_body_id(transfer, data, len);
  for(i = 0; i < len; i++) {
    transfer->body_hash ^= (unsigned char)data[i];
    transfer->body_hash *= HASH_PRIME;
  }
  transfer->body_bytes += len;
  if(transfer->request->abort_at_bytes &&
     transfer->body_bytes >= (uint64_t)transfer->request->abort_at_bytes)
    return 0;
  return len;
}

static bool add_header(struct curl_slist **headers, const char *header)
{
  struct curl_slist *longer = curl_slist_append(*headers, header);

  if(!longer)
    return false;
  *headers = longer;
  return true;
}

static bool add_id_header(struct transfer *transfer)
{
  static const char name[] = "X-Request-Id: ";
  size_t size = sizeof(name) + strlen(transfer->request->id);
  char *header = malloc(size);
  bool added;

  if(!header)
    return false;
  snprintf(header, size, "%s%s", name, transfer->request->id);
  added = add_header(&transfer->headers, header);
  free(header);
  return added;
}

/* Fills the buffer with the id and a full stop, repeated, and a NUL. */
static void fill(char *buffer, size_t len, const char *id)
{
  size_t period = strlen(id) + 1;
  size_t i;

  for(i = 0; i < len; i++)
    buffer[i] = i % period == period - 1 ? '.' : id[i % period];
  buffer[len] = 0;
}

/* Adds a field whose value is the id repeated, so that a piece of one request
   inside another shows which request it belongs to. */
static bool add_padding_header(struct transfer *transfer)
{
  static const char name[] = "X-Padding: ";
  size_t padding = (size_t)transfer->request->header_bytes;
  char *header;
  bool added;

  if(!padding)
    return true;
  header = malloc(sizeof(name) + padding);
  if(!header)
    return false;
  memcpy(header, name, sizeof(name));
  fill(header + strlen(name), padding, transfer->request->id);
  added = add_header(&transfer->headers, header);
  free(header);
  return added;
}

static bool set_url(struct transfer *transfer, const struct plan *plan)
{
  size_t size = strlen(plan->url) + strlen(transfer->request->path) + 1;
  char *url = malloc(size);
  CURLcode code;

  if(!url)
    return false;
  snprintf(url, size, "%s%s", plan->url, transfer->request->path);
  code = curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
  free(url);
  return !code;
}

static bool set_tls(struct transfer *transfer, const struct plan *plan)
{
  CURL *easy = transfer->easy;

  if(plan->tls == PLAN_PLAIN)
    return true;
  return !curl_easy_setopt(easy, CURLOPT_SSLVERSION, ssl_version(plan->tls))
    && !curl_easy_setopt(easy, CURLOPT_CAINFO, plan->ca_file)
    && !curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L)
    && !curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
}

/* The body of a POST: a line with the id, then the id repeated. */
static bool set_upload(struct transfer *transfer)
{
  const char *id = transfer->request->id;
  size_t size = (size_t)transfer->request->body_bytes;
  size_t line = strlen(id) + 1;
  char *body = malloc(size + line + 1);

  if(!body)
    return false;
  transfer->upload = body;
  snprintf(body, line + 1, "%s\n", id);
  fill(body + line, size > line ? size - line : 0, id);
  return !curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L)
    && !curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE, (long)size)
    && !curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, body);
}

static bool set_method(struct transfer *transfer)
{
  const struct plan_request *request = transfer->request;

  if(request->custom_method &&
     curl_easy_setopt(transfer->easy, CURLOPT_CUSTOMREQUEST,
                      request->custom_method))
    return false;
  switch(request->method) {
  case PLAN_HEAD:
    return !curl_easy_setopt(transfer->easy, CURLOPT_NOBODY, 1L);
  case PLAN_POST:
    return set_upload(transfer);
  default:
    return true;
  }
}

/* Options that few requests need. */
static bool set_special(struct transfer *transfer, const struct plan *plan)
{
  const struct plan_request *request = transfer->request;
  CURL *easy = transfer->easy;

  return (!request->credentials ||
          !curl_easy_setopt(easy, CURLOPT_USERPWD, request->credentials))
    && (!request->timeout_ms ||
        !curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, request->timeout_ms))
    && (!plan->receive_buffer ||
        !curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, plan->receive_buffer))
    && !curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION,
                         plan->follow_redirects ? 1L : 0L);
}

/* Over HTTP/2 all wait for the first connection, to share it. */
static bool set_http_version(struct transfer *transfer,
                             const struct plan *plan)
{
  CURL *easy = transfer->easy;

  if(!(plan->pipelining & CURLPIPE_MULTIPLEX))
    return !curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                             (long)CURL_HTTP_VERSION_1_1);
  return !curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                           (long)CURL_HTTP_VERSION_2TLS)
    && !curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
}

bool transfer_init(struct transfer *transfer, const struct plan *plan,
                   const struct plan_request *request, long long *moved_ns)
{
  CURL *easy = curl_easy_init();

  memset(transfer, 0, sizeof(*transfer));
  transfer->request = request;
  transfer->moved_ns = moved_ns;
  transfer->body_hash = HASH_START;
  transfer->easy = easy;
  return easy
    && add_id_header(transfer)
    && add_padding_header(transfer)
    && set_url(transfer, plan)
    && set_tls(transfer, plan)
    && set_method(transfer)
    && set_special(transfer, plan)
    /* nothing from the environment: neither its proxy, nor signals */
    && !curl_easy_setopt(easy, CURLOPT_PROXY, "")
    && !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L)
    && set_http_version(transfer, plan)
    && !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers)
    && !curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header)
    && !curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer)
    && !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body)
    && !curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer)
    && !curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error)
    && !curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
}

static void ask_status(struct transfer *transfer)
{
  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE,
                    &transfer->status);
}

void transfer_completed(struct transfer *transfer, CURLcode code)
{
  transfer->times_completed++;
  transfer->code = code;
  *transfer->moved_ns = now_ns();
  ask_status(transfer);
}

void transfer_removed(struct transfer *transfer)
{
  transfer->removed = true;
  ask_status(transfer);
}

bool transfer_ended(const struct transfer *transfer)
{
  return transfer->times_completed || transfer->removed;
}

CURLcode transfer_resume(struct transfer *transfer)
{
  transfer->pause_is_due = false;
  transfer->paused = false;
  return curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}

void transfer_free(struct transfer *transfer)
{
  curl_easy_cleanup(transfer->easy);
  curl_slist_free_all(transfer->headers);
  free(transfer->upload);
  memset(transfer, 0, sizeof(*transfer));
}
