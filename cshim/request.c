/*
 * request.c: prepares an easy handle for a request. Options that a plain GET
 * or HEAD does not need are set only for requests that need them, and reset
 * afterwards.
 */
#include <stdlib.h>
#include <string.h>
#include "internal.h"

#define HTTP_VERSION_2TLS 4L /* CURL_HTTP_VERSION_2TLS, of 7.47.0 */
#define HTTP_VERSION_2 5L /* CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE, of 7.49.0 */
#define VERSIONS (CSHIM_REQUEST_HTTP11 | TRANSFER_PRIOR)

/* Some release between 8.14.1 and 8.22.0 began to write the escapes in a URL's
   path in upper case. A target that is set explicitly stays as it is. */
#define FIRST_UPPER_CASE 0x080f00 /* 8.15.0 */
#define REQUEST_TARGET (CURLoption)(CURLOPTTYPE_OBJECTPOINT + 266)

/* The strings in the text of a request. */
struct parts {
  char *url;
  char *method;
  char *lines;
  const char *end;
};

static char *after(char *string) { return string + strlen(string) + 1; }

static void split(struct transfer *transfer, struct parts *parts)
{
  parts->url = transfer->text.data;
  parts->end = transfer->text.data + transfer->text.length;
  parts->method = after(parts->url);
  parts->lines = after(parts->method);
}

/* Header lines follow each other in text. libcurl only reads the list, so its
   nodes need not come from curl_slist_append(), which would allocate twice for
   each line. */
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
    line = after(line);
  }
  return true;
}

/* The caller chooses the method, whether a request may be repeated, and the
   server, whose connection a redirected request would use. */
bool request_tie(struct transfer *transfer)
{
  return !curl_easy_setopt(transfer->easy, CURLOPT_CUSTOMREQUEST, NULL) &&
         !curl_easy_setopt(transfer->easy, CURLOPT_FOLLOWLOCATION, 0L);
}

/* Resets what the last request has set. */
static CURLcode reset_special(struct transfer *transfer)
{
  CURL *easy = transfer->easy;
  uint32_t special = transfer->special;
  CURLcode code = CURLE_OK;

  transfer->special = 0;
  if(special & TRANSFER_METHOD)
    code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
  if(!code && (special & TRANSFER_TARGET))
    code = curl_easy_setopt(easy, REQUEST_TARGET, NULL);
  if(!code && (special & VERSIONS))
    code = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, HTTP_VERSION_2TLS);
  if(!code && (special & CSHIM_REQUEST_PROXY))
    code = socket_proxy(easy, false);
  if(!code && (special & CSHIM_REQUEST_CLOSE))
    code = curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L);
  if(!code && (special & CSHIM_REQUEST_UPLOAD))
    code = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L); /* for HEAD, too */
  return code;
}

/* A loop that multiplexes uses HTTP/2 where the server supports it, except for
   requests that ask for one version. The first request on a connection has
   libcurl begin with HTTP/2; 7.88.1 would begin again with each further one
   that asks for it. */
static CURLcode set_version(struct transfer *transfer, uint32_t flags,
                            const struct connection *connection)
{
  uint32_t version = flags & CSHIM_REQUEST_HTTP11;
  uint32_t before = transfer->special & VERSIONS;
  if((flags & CSHIM_REQUEST_HTTP2) && !connection->session)
    version = TRANSFER_PRIOR;
  transfer->special &= ~(uint32_t)(VERSIONS | CSHIM_REQUEST_HTTP2);
  transfer->special |= version | (flags & CSHIM_REQUEST_HTTP2);
  if(version == before)
    return CURLE_OK;
  return curl_easy_setopt(transfer->easy, CURLOPT_HTTP_VERSION,
                          version & TRANSFER_PRIOR ? HTTP_VERSION_2 :
                          version ? (long)CURL_HTTP_VERSION_1_1 :
                          HTTP_VERSION_2TLS);
}

/* Sets the target for a URL without a path, which means the server as a whole,
   and for a URL with escapes, which must stay as they are. A proxy gets the
   whole URL [RFC 9112 section 3.2]. */
static CURLcode set_target(struct transfer *transfer, const char *url,
                           bool proxied)
{
  const char *target = strstr(url, "://");

  if(!target)
    return CURLE_OK; /* libcurl refuses it */
  target += 3 + strcspn(target + 3, "/?");
  if(!*target)
    target = "*";
  else if(transfer->loop->libcurl < FIRST_UPPER_CASE || !strchr(url, '%') ||
          (!proxied && *target != '/'))
    return CURLE_OK;
  if(proxied)
    target = url;
  transfer->special |= TRANSFER_TARGET;
  return curl_easy_setopt(transfer->easy, REQUEST_TARGET, target);
}

static CURLcode set_special(struct transfer *transfer,
                            const struct cshim_request *request,
                            const struct connection *connection,
                            const struct parts *parts)
{
  CURL *easy = transfer->easy;
  CURLcode code = CURLE_OK;

  if(*parts->method) {
    transfer->special |= TRANSFER_METHOD;
    code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, parts->method);
  }
  if(!code)
    code = set_version(transfer, request->flags, connection);
  if(!code && (request->flags & CSHIM_REQUEST_CLOSE)) {
    transfer->special |= CSHIM_REQUEST_CLOSE;
    code = curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  }
  if(!code && (request->flags & CSHIM_REQUEST_PROXY)) {
    transfer->special |= CSHIM_REQUEST_PROXY;
    code = socket_proxy(easy, true);
  }
  if(!code)
    code = set_target(transfer, parts->url,
                      request->flags & CSHIM_REQUEST_PROXY);
  return code;
}

static CURLcode set_method(struct transfer *transfer,
                           const struct cshim_request *request)
{
  CURL *easy = transfer->easy;
  CURLcode code;
  if(request->flags & CSHIM_REQUEST_HEAD)
    return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  code = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  if(code || !(request->flags & CSHIM_REQUEST_UPLOAD))
    return code;
  transfer->special |= CSHIM_REQUEST_UPLOAD;
  upload_begin(transfer, request->upload_length);
  code = curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                          (curl_off_t)request->upload_length);
  return code ? code : curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
}

static void begin(struct transfer *transfer)
{
  transfer->begun = false;
  transfer->header_taken = false;
  transfer->paused = false;
  transfer->upload_waiting = false;
  transfer->dropping = false;
  transfer->dropped = 0;
  transfer->outstanding = 0;
  transfer->result_flags = 0;
  transfer->submitted = false;
  transfer->refused = false;
  transfer->untrusting = false;
  transfer->broken = CURLE_OK;
  http2_begin(transfer);
  transfer->detail[0] = '\0';
  response_begin(transfer);
}

/* Prepares an easy handle to send its last request again. */
CURLcode request_again(struct transfer *transfer, uint32_t flags,
                       const struct connection *connection)
{
  CURLcode code = set_version(transfer, flags, connection);
  begin(transfer);
  if(code)
    return code;
  return (transfer->flags & CSHIM_REQUEST_UPLOAD) && !upload_again(transfer) ?
         CURLE_SEND_FAIL_REWIND : CURLE_OK;
}

CURLcode request_prepare(struct transfer *transfer,
                         const struct cshim_request *request,
                         const struct connection *connection,
                         const char *text)
{
  struct parts parts;
  const char *url = text + request->text;
  size_t url_size = strlen(url) + 1;
  bool same_url = transfer->text.length >= url_size &&
                  !memcmp(transfer->text.data, url, url_size);
  CURLcode code = CURLE_OK;

  transfer->flags = request->flags;
  transfer->upload_held = request->flags & CSHIM_REQUEST_EXPECT;
  begin(transfer);
  if(transfer->special)
    code = reset_special(transfer);
  if(code)
    return code;

  transfer->text.length = 0;
  if(!buffer_append(&transfer->text, url, request->text_length))
    return CURLE_OUT_OF_MEMORY;
  split(transfer, &parts);
  if(!list_lines(transfer, parts.lines, parts.end))
    return CURLE_OUT_OF_MEMORY;

  /* libcurl copies the URL and keeps it for the next request */
  if(!same_url) {
    code = curl_easy_setopt(transfer->easy, CURLOPT_URL, parts.url);
    if(code) {
      transfer->text.length = 0; /* do not take it for set the next time */
      return code;
    }
  }
  code = curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER,
                          parts.lines < parts.end ? transfer->lines : NULL);
  if(!code)
    code = set_special(transfer, request, connection, &parts);
  return code ? code : set_method(transfer, request);
}
