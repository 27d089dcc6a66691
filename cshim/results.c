/*
 * results.c: what a run of the loop reports to its caller. Collects the
 * requests that have ended, and the news of those that go on.
 */
#include <string.h>
#include "internal.h"

/* Notes that an active transfer has something to report before its end. */
void results_tell(struct transfer *transfer)
{
  struct cshim_loop *loop = transfer->loop;
  if(transfer->in_news)
    return;
  transfer->in_news = true;
  transfer->next_news = loop->news;
  loop->news = transfer;
}

void results_forget_news(struct transfer *transfer)
{
  struct transfer **link = &transfer->loop->news;
  if(!transfer->in_news)
    return;
  while(*link != transfer)
    link = &(*link)->next_news;
  *link = transfer->next_news;
  transfer->in_news = false;
}

/* Whether there is something to report. */
bool results_any(const struct cshim_loop *loop)
{
  return loop->result_count || loop->news || loop->connection_news_count;
}

/* The results of the last run have been read. */
void results_forget(struct cshim_loop *loop)
{
  size_t i;
  for(i = 0; i < loop->result_count; i++) {
    struct transfer *transfer = loop->slots[loop->results[i].slot];
    if(!transfer || !transfer->reported)
      continue;
    transfer->reported = false;
    if(transfer->state == TRANSFER_FINISHED) {
      transfer->state = TRANSFER_IDLE;
      transfer_rest(transfer);
    }
    else if(transfer->state == TRANSFER_ACTIVE)
      transfer_taken(transfer);
  }
  loop->result_count = 0;
  loop->connection_news_count = 0;
  connection_free_retired(loop);
}

/* Adds the last result of a transfer. */
void results_add(struct transfer *transfer, CURLcode code)
{
  struct cshim_loop *loop = transfer->loop;
  transfer->state = TRANSFER_FINISHED;
  transfer->reported = true;
  transfer_result(transfer, (int)code, &loop->results[loop->result_count++]);
}

/* Adds the transfers that have something to report and go on. */
void results_gather_news(struct cshim_loop *loop)
{
  while(loop->news && loop->result_count < CSHIM_MAX_BATCH) {
    struct transfer *transfer = loop->news;
    loop->news = transfer->next_news;
    transfer->in_news = false;
    transfer->reported = true;
    transfer_result(transfer, -1, &loop->results[loop->result_count++]);
  }
}

/* Whether more of an unwanted response has arrived than its connection is
   worth. All bytes received count, whatever they are. */
static bool dropped_enough(struct connection *connection)
{
  const struct transfer *head = connection->first;
  uint64_t received;
  if(!head || !head->dropping ||
     connection->loop->result_count == CSHIM_MAX_BATCH)
    return false;
  received = system_bytes(connection, false);
  if(connection->dropping != head) {
    connection->dropping = head;
    connection->dropped_from = received;
  }
  return received - connection->dropped_from >
         connection->loop->limits.dropped_bytes;
}

static void give_up(struct connection *connection)
{
  struct transfer *head = connection->first;
  head->result_flags |= CSHIM_RESULT_GIVEN_UP;
  loop_count(connection->loop, CSHIM_GIVEN_UP, 1);
  response_discard(head);
  connection_remove(head);
  results_add(head, CURLE_WRITE_ERROR);
}

/* libcurl has ended a request. */
void results_finish(struct transfer *transfer, CURLcode code)
{
  const struct connection *connection = transfer->connection;
  connection_remove(transfer);
  transfer_explain(transfer, code);
  code = http2_judge(transfer, response_end(transfer, code));
  results_add(transfer, transfer_lost(transfer, connection, code));
}

/* Takes all messages before it removes the first handle, because libcurl
   searches the remaining messages at each removal. */
static void gather_finished(struct connection *connection)
{
  struct cshim_loop *loop = connection->loop;
  struct transfer *finished[CSHIM_MAX_BATCH];
  CURLcode codes[CSHIM_MAX_BATCH];
  size_t room = CSHIM_MAX_BATCH - loop->result_count;
  size_t count = 0;
  size_t i;
  while(count < room) {
    int left;
    char *private;
    CURLMsg *message = curl_multi_info_read(connection->multi, &left);
    if(!message)
      break;
    if(message->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
    finished[count] = (struct transfer *)private;
    codes[count++] = message->data.result;
  }
  for(i = 0; i < count; i++) {
    results_finish(finished[i], codes[i]);
  }
}

/* Ends transfers of which libcurl has lost a part. libcurl sends no message
   for these. */
static void end_broken(struct connection *connection)
{
  struct transfer *transfer = connection->first;
  if(!connection->has_broken)
    return;
  while(transfer && connection->loop->result_count < CSHIM_MAX_BATCH) {
    struct transfer *next = transfer->next;
    if(transfer->broken)
      results_finish(transfer, transfer->broken);
    transfer = next;
  }
  connection->has_broken = transfer != NULL;
}

/* A timer this far away, in milliseconds, is not what the connection waits
   for. */
#define FAR_MS 10000

/* Whether libcurl has lost track of a connection: it has requests, none of
   them has ended, and libcurl waits for nothing. This happens when libcurl had
   no memory to note what to wait for. */
static bool is_forgotten(const struct connection *connection)
{
  const struct transfer *transfer = connection->first;
  if(!transfer || connection->wanted ||
     (connection->timer_set &&
      connection->timer_at <= watch_now_ms() + FAR_MS))
    return false;
  for(; transfer; transfer = transfer->next) {
    if(transfer->paused || transfer->upload_waiting)
      return false;
  }
  return true;
}

/* Ends the remaining requests on a connection that has ended. libcurl would
   repeat them on another connection. */
static void end_lost(struct connection *connection)
{
  struct cshim_loop *loop = connection->loop;
  while(connection->first && loop->result_count < CSHIM_MAX_BATCH) {
    struct transfer *transfer = connection->first;
    response_discard(transfer);
    results_finish(transfer, CURLE_RECV_ERROR);
  }
}

/* Reports the news of a connection; its end only when all of its requests have
   been reported. */
static void tell_connection(struct connection *connection)
{
  struct cshim_loop *loop = connection->loop;
  struct cshim_connection_news news = { connection->number,
                                        connection->news };
  connection->news = 0;
  connection_untouch(connection);
  if(connection->over && !connection->first) {
    news.flags |= CSHIM_CONNECTION_OVER;
    connection_retire(connection);
  }
  if(news.flags)
    loop->connection_news[loop->connection_news_count++] = news;
}

/* libcurl does not announce a timer that expires at the same moment as the
   last one it announced. */
static void ask_for_timer(struct connection *connection)
{
  long timeout_ms = -1;
  if(connection->timer_set || !connection->first)
    return;
  curl_multi_timeout(connection->multi, &timeout_ms);
  if(timeout_ms >= 0) {
    connection->timer_set = true;
    connection->timer_at = watch_now_ms() + timeout_ms;
  }
}

/* Later releases of libcurl leave bytes that have arrived on an HTTP/2
   connection to the transfer that read last, and to a timer of that transfer.
   When it is removed the others would wait for ever, so they are run. */
static void look_for_others(struct connection *connection)
{
  if(!connection->left)
    return;
  connection->left = false;
  if(connection->first && connection->session && !connection->over)
    loop_act(connection, connection->socket, CURL_CSELECT_IN);
}

/* Since some release between 8.14.1 and 8.22.0, libcurl now and then forgets a
   transfer for which data has arrived, which then waits for ever. libcurl goes
   through all transfers after an event on their socket, so a made-up event
   follows soon after the last real one, and another one later. */
#define FIRST_FORGETFUL 0x080f00
static const int look_delays[] = { 50, 1000 }; /* milliseconds */

static void look_again(struct connection *connection)
{
  if(!connection->look_at && connection->session && connection->first &&
     !connection->over && connection->loop->libcurl >= FIRST_FORGETFUL &&
     connection->looks < sizeof(look_delays) / sizeof(look_delays[0]))
    connection->look_at = watch_now_ms() + look_delays[connection->looks++];
}

/* Adds the requests that have ended, on all connections that libcurl worked
   on. */
void results_gather(struct cshim_loop *loop)
{
  while(loop->touched) {
    struct connection *connection = loop->touched;
    look_for_others(connection);
    if(connection->multi)
      gather_finished(connection);
    http2_settle(connection);
    end_broken(connection);
    if(dropped_enough(connection))
      give_up(connection);
    if(connection->over)
      end_lost(connection);
    if(loop->result_count == CSHIM_MAX_BATCH)
      break; /* this connection may have more results */
    ask_for_timer(connection);
    look_again(connection);
    wake_holder(connection);
    if(is_forgotten(connection)) {
      connection->over = true;
      continue; /* to its end */
    }
    tell_connection(connection);
  }
}

size_t cshim_loop_connection_news(const struct cshim_loop *loop,
                                  const struct cshim_connection_news **news)
{
  *news = loop->connection_news;
  return loop->connection_news_count;
}

/* The caller has read the last run's result for this slot. */
struct transfer *results_use(struct cshim_loop *loop, uint32_t slot)
{
  struct transfer *transfer = loop->slots[slot];
  if(transfer->reported && transfer->state == TRANSFER_ACTIVE) {
    transfer->reported = false;
    transfer_taken(transfer);
  }
  return transfer;
}

const struct cshim_result *cshim_loop_results(const struct cshim_loop *loop)
{
  return loop->results;
}
