#include "report.h"

#include <dirent.h>
#include <inttypes.h>
#include <sys/resource.h>

static double milliseconds(struct timeval time)
{
  return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

/* The user and system time that this process has used. */
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
  if(!transfer_ended(transfer))
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
    "{s:s, s:b, s:i, s:I, s:s, s:I, s:s, s:I, s:I, s:b, s:I, s:s}",
    "id", transfer->request->id,
    "answered", transfer->times_completed && !transfer->code,
    "curl_code", (int)transfer->code,
    "status", (json_int_t)transfer->status,
    "body_id", transfer->body_id,
    "body_bytes", (json_int_t)transfer->body_bytes,
    "body_hash", hash,
    "queued_ns", (json_int_t)transfer->queued_ns,
    "times_completed", (json_int_t)transfer->times_completed,
    "removed", transfer->removed,
    "paused_bytes", (json_int_t)transfer->paused_bytes,
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

/* The peak memory of this program. getrusage() is not used, because its figure
   includes what the parent had when it forked. */
static json_int_t max_memory_bytes(void)
{
  FILE *status = fopen("/proc/self/status", "r");
  char line[128];
  long long kilobytes = 0;

  if(!status)
    return 0;
  while(!kilobytes && fgets(line, sizeof(line), status))
    sscanf(line, "VmHWM: %lld kB", &kilobytes);
  fclose(status);
  return kilobytes * 1024;
}

int report_open_fds(void)
{
  DIR *folder = opendir("/proc/self/fd");
  int count = -1; /* without the descriptor that reads the folder */

  if(!folder)
    return 0;
  for(struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
    if(entry->d_name[0] != '.')
      count++;
  }
  closedir(folder);
  return count;
}

json_t *report_make(const struct session *session)
{
  double duration_ms = (double)(now_ns() - session->started_ns) / 1e6;

  return json_pack(
    "{s:s, s:s, s:s, s:f, s:f, s:I, s:{s:I}, s:o}",
    "subject", "c-demo",
    "driver", plan_driver_name(session->plan->driver),
    "libcurl_version", curl_version(),
    "duration_ms", duration_ms,
    "cpu_ms", cpu_ms(),
    "max_memory_bytes", max_memory_bytes(),
    "counters", "turns", (json_int_t)session->turns,
    "results", results(session));
}

bool report_write(json_t *report, int open_fds_after, FILE *out)
{
  bool written = report &&
    !json_object_set_new(report, "open_fds_after",
                         json_integer(open_fds_after)) &&
    !json_dumpf(report, out, JSON_COMPACT | JSON_REAL_PRECISION(9)) &&
    fputc('\n', out) != EOF && !fflush(out);

  json_decref(report);
  return written;
}
