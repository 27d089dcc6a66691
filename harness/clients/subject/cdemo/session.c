#include "session.h"

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

void session_add(struct session *session, struct transfer *transfer)
{
  CURLMcode code;

  transfer->queued_ns = now_ns();
  code = curl_multi_add_handle(session->multi, transfer->easy);
  if(code)
    session_stop(session, "curl_multi_add_handle: %s",
                 curl_multi_strerror(code));
  else
    transfer->in_multi = true;
}

/* Adds handles, starting with number from and at most count of them, but not
   those that steps add. */
static void add_some(struct session *session, size_t from, size_t count)
{
  size_t i;

  for(i = from; i < session->plan->request_count && count &&
        !session->stopped[0]; i++) {
    if(!session->plan->requests[i].added_by_step) {
      session_add(session, &session->transfers[i]);
      count--;
    }
  }
}

void session_add_first(struct session *session)
{
  size_t count = session->plan->request_count;

  session->rest_is_due = session->plan->first_alone &&
    !session->plan->requests[0].added_by_step;
  add_some(session, 0, session->rest_is_due ? 1 : count);
}

/* Adds the other handles when the first one, which had to be alone, has
   ended. */
static void add_rest(struct session *session)
{
  if(session->rest_is_due && transfer_ended(&session->transfers[0])) {
    session->rest_is_due = false;
    add_some(session, 1, session->plan->request_count);
  }
}

static CURLMcode take_out(struct session *session, struct transfer *transfer)
{
  transfer->in_multi = false;
  return curl_multi_remove_handle(session->multi, transfer->easy);
}

void session_remove(struct session *session, struct transfer *transfer)
{
  CURLMcode code = take_out(session, transfer);

  if(code)
    session_stop(session, "curl_multi_remove_handle: %s",
                 curl_multi_strerror(code));
  transfer_removed(transfer);
  session->removed++;
}

void session_collect(struct session *session)
{
  CURLMsg *message;
  int left;

  session->turns++;
  while((message = curl_multi_info_read(session->multi, &left))) {
    struct transfer *transfer = NULL;

    if(message->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                      (char **)&transfer);
    if(!transfer_ended(transfer))
      session->completed++;
    transfer_completed(transfer, message->data.result);
    /* like the report's client, which keeps its handles in to the end */
  }
  add_rest(session);
}

bool session_goes_on(struct session *session)
{
  if(session->stopped[0] ||
     session->completed + session->removed == session->plan->request_count)
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
    if(session->transfers[i].in_multi)
      take_out(session, &session->transfers[i]);
    transfer_free(&session->transfers[i]);
  }
  free(session->transfers);
  curl_multi_cleanup(session->multi);
  memset(session, 0, sizeof(*session));
}
