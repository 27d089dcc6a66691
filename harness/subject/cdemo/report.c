#include "report.h"

#include <inttypes.h>
#include <sys/resource.h>

#include <jansson.h>

static double milliseconds(struct timeval time)
{
  return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

/* User and system time of this process so far. */
static double cpu_ms(void)
{
  struct rusage usage;

  if(getrusage(RUSAGE_SELF, &usage))
    return 0;
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

static const char *error_text(const struct session *session,
                              const struct transfer *transfer)
{
  if(!transfer->times_completed)
    return session->stopped;
  if(!transfer->code)
    return "";
  return transfer->error[0] ? transfer->error :
    curl_easy_strerror(transfer->code);
}

static json_t *result(const struct session *session,
                      const struct transfer *transfer)
{
  char hash[17];

  snprintf(hash, sizeof(hash), "%016" PRIx64, transfer->body_hash);
  return json_pack(
    "{s:s, s:b, s:i, s:I, s:s, s:I, s:s, s:I, s:s}",
    "id", transfer->request->id,
    "answered", transfer->times_completed && !transfer->code,
    "curl_code", (int)transfer->code,
    "status", (json_int_t)transfer->status,
    "body_id", transfer->body_id,
    "body_bytes", (json_int_t)transfer->body_bytes,
    "body_hash", hash,
    "times_completed", (json_int_t)transfer->times_completed,
    "error", error_text(session, transfer));
}

static json_t *results(const struct session *session)
{
  json_t *list = json_array();
  size_t i;

  for(i = 0; list && i < session->plan->request_count; i++) {
    if(json_array_append_new(list,
                             result(session, &session->transfers[i]))) {
      json_decref(list);
      list = NULL;
    }
  }
  return list;
}

bool report_write(const struct session *session, FILE *out)
{
  double duration_ms = (double)(now_ns() - session->started_ns) / 1e6;
  json_t *report = json_pack(
    "{s:s, s:s, s:s, s:f, s:f, s:o}",
    "subject", "c-demo",
    "driver", plan_driver_name(session->plan->driver),
    "libcurl_version", curl_version(),
    "duration_ms", duration_ms,
    "cpu_ms", cpu_ms(),
    "results", results(session));
  bool written = report &&
    !json_dumpf(report, out, JSON_COMPACT | JSON_REAL_PRECISION(9)) &&
    fputc('\n', out) != EOF && !fflush(out);

  json_decref(report);
  return written;
}
