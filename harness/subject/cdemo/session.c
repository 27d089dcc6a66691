#include "drive.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS 1000000LL

/* The settings of the report. */
static bool set_multi(CURLM *multi, const struct plan *plan)
{
  return !curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                            plan->max_host_connections)
    && !curl_multi_setopt(multi, CURLMOPT_PIPELINING, plan->pipelining)
    && !curl_multi_setopt(multi, CURLMOPT_MAX_PIPELINE_LENGTH,
                          plan->max_pipeline_length);
}

bool session_open(struct session *session, const struct plan *plan)
{
  size_t i;

  memset(session, 0, sizeof(*session));
  session->plan = plan;
  session->transfers = calloc(plan->request_count,
                              sizeof(*session->transfers));
  session->multi = curl_multi_init();
  if(!session->transfers || !session->multi ||
     !set_multi(session->multi, plan))
    return false;
  for(i = 0; i < plan->request_count; i++) {
    if(!transfer_init(&session->transfers[i], plan, &plan->requests[i],
                      &session->moved_ns))
      return false;
  }
  session->started_ns = now_ns();
  session->moved_ns = session->started_ns;
  return true;
}

/* True when the plan lets another handle in. */
static bool add_is_due(const struct session *session)
{
  const struct plan *plan = session->plan;
  size_t unfinished = session->added - session->completed;

  return session->added < plan->request_count &&
    (!plan->concurrent || unfinished < (size_t)plan->concurrent);
}

void session_add_due(struct session *session)
{
  while(!session->stopped[0] && add_is_due(session)) {
    struct transfer *transfer = &session->transfers[session->added];
    CURLMcode code = curl_multi_add_handle(session->multi, transfer->easy);

    if(code) {
      session_stop(session, "curl_multi_add_handle: %s",
                   curl_multi_strerror(code));
      return;
    }
    transfer->in_multi = true;
    session->added++;
  }
}

static void take_out(struct session *session, struct transfer *transfer)
{
  if(transfer->in_multi)
    curl_multi_remove_handle(session->multi, transfer->easy);
  transfer->in_multi = false;
}

void session_collect(struct session *session)
{
  CURLMsg *message;
  int left;

  while((message = curl_multi_info_read(session->multi, &left))) {
    struct transfer *transfer = NULL;

    if(message->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                      (char **)&transfer);
    if(!transfer->times_completed)
      session->completed++;
    transfer_completed(transfer, message->data.result);
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE,
                      &transfer->status);
    /* the report's client leaves its handles in to the end */
    if(session->plan->concurrent)
      take_out(session, transfer);
  }
}

bool session_goes_on(struct session *session)
{
  if(session->stopped[0] ||
     session->completed == session->plan->request_count)
    return false;
  if(!session_patience_ms(session)) {
    session_stop(session, "silent for %ld ms",
                 session->plan->stall_limit_ms);
    return false;
  }
  return true;
}

long session_patience_ms(const struct session *session)
{
  long long limit_ns = session->plan->stall_limit_ms * NS_PER_MS;
  long long left_ns = session->moved_ns + limit_ns - now_ns();

  return left_ns > 0 ? (long)((left_ns + NS_PER_MS - 1) / NS_PER_MS) : 0;
}

void session_stop(struct session *session, const char *format, ...)
{
  va_list arguments;

  if(session->stopped[0])
    return;
  va_start(arguments, format);
  vsnprintf(session->stopped, sizeof(session->stopped), format, arguments);
  va_end(arguments);
}

void session_close(struct session *session)
{
  size_t i;

  for(i = 0; session->transfers && i < session->plan->request_count; i++) {
    take_out(session, &session->transfers[i]);
    transfer_free(&session->transfers[i]);
  }
  free(session->transfers);
  curl_multi_cleanup(session->multi);
  memset(session, 0, sizeof(*session));
}
