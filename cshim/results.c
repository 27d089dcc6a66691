/*
 * results.c: what a run of the loop tells its caller. Gathers what has ended,
 * and what there is to say of those that go on.
 */
#include <string.h>
#include "internal.h"

/* Notes that an active transfer has something to tell before its end. */
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
}

/* Adds the last result of a transfer. */
void results_add(struct transfer *transfer, CURLcode code)
{
  struct cshim_loop *loop = transfer->loop;
  transfer->state = TRANSFER_FINISHED;
  transfer->reported = true;
  transfer_result(transfer, (int)code, &loop->results[loop->result_count++]);
}

/* Adds those that have something to tell and go on. */
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

/* Takes all messages before the first handle is removed: whoever removes one
   has libcurl search those that are left. */
static void gather_finished(struct cshim_loop *loop)
{
  struct transfer *finished[CSHIM_MAX_BATCH];
  CURLcode codes[CSHIM_MAX_BATCH];
  size_t room = CSHIM_MAX_BATCH - loop->result_count;
  size_t count = 0;
  size_t i;
  while(count < room) {
    int left;
    char *private;
    CURLMsg *message = curl_multi_info_read(loop->multi, &left);
    if(!message)
      break;
    if(message->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
    finished[count] = (struct transfer *)private;
    codes[count++] = message->data.result;
  }
  for(i = 0; i < count; i++)
    loop_finish(loop, finished[i], codes[i]);
}

/* Ends the transfers that lost their connection and may not be sent again;
   those that libcurl has ended itself are gone already. */
static void end_lost(struct cshim_loop *loop)
{
  struct transfer *transfer = loop->first;
  if(!loop->lost_transfers)
    return;
  while(transfer && loop->result_count < CSHIM_MAX_BATCH) {
    struct transfer *next = transfer->next;
    if(transfer->lost) {
      loop_remove(loop, transfer);
      strcpy(transfer->detail, "the connection closed before the response");
      results_add(transfer, CURLE_GOT_NOTHING);
    }
    transfer = next;
  }
  loop->lost_transfers = transfer != NULL;
}

/* Adds those that have ended. */
void results_gather(struct cshim_loop *loop)
{
  gather_finished(loop);
  http2_settle(loop);
  end_lost(loop);
}

/* The caller has what the last run told of this slot. */
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
