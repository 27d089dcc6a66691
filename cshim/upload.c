/*
 * upload.c: the body of a request. The caller feeds it in pieces; libcurl
 * takes it as fast as the connection does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "internal.h"

/* What was sent is kept up to this size, for sending it again. */
#define KEEP_SENT (64 * 1024)

void upload_begin(struct transfer *transfer, int64_t length)
{
  transfer->upload.length = 0;
  transfer->upload_sent = 0;
  transfer->upload_length = length;
  transfer->upload_taken = 0;
  transfer->upload_complete = false;
  transfer->upload_waiting = false;
  transfer->upload_cut = false;
}

/* Whether libcurl has taken the whole body. libcurl does not ask for the end
   of a body whose length is known. */
bool upload_is_whole(const struct transfer *transfer)
{
  return transfer->upload_taken == transfer->upload_length ||
         (transfer->upload_complete &&
          transfer->upload_sent == transfer->upload.length);
}

/* Has the caller feed more. */
void upload_want(struct transfer *transfer)
{
  transfer->result_flags |= CSHIM_RESULT_HUNGRY;
  results_tell(transfer);
}

/* CURLOPT_READFUNCTION. Over HTTP/1.1 libcurl waits for 100 (Continue) before
   it asks for the body; over HTTP/2 not every release does. */
static size_t on_read(char *into, size_t size, size_t count, void *userp)
{
  struct transfer *transfer = userp;
  size_t length = transfer->upload.length - transfer->upload_sent;

  if(!length && transfer->upload_complete)
    return 0;
  if(length > size * count)
    length = size * count;
  if(length)
    memcpy(into, transfer->upload.data + transfer->upload_sent, length);
  transfer->upload_sent += length;
  transfer->upload_taken += (int64_t)length;
  if(transfer->upload_sent == transfer->upload.length &&
     !transfer->upload_complete &&
     !(transfer->upload_held && transfer->stream.sent))
    upload_want(transfer);
  if(length)
    return length;
  transfer->upload_waiting = true;
  return CURL_READFUNC_PAUSE;
}

/* Goes back to the beginning of the body. Returns false if that is no longer
   in memory. */
bool upload_again(struct transfer *transfer)
{
  transfer->upload_sent = 0;
  transfer->upload_taken = 0;
  transfer->upload_waiting = false;
  return !transfer->upload_cut;
}

/* CURLOPT_SEEKFUNCTION: goes to the beginning when libcurl sends the body
   again, as it does on the same connection for authentication. */
static int on_seek(void *userp, curl_off_t offset, int origin)
{
  struct transfer *transfer = userp;
  return offset || origin != SEEK_SET || !upload_again(transfer) ?
         CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

int upload_feed(struct transfer *transfer, const char *data, size_t length,
                bool last)
{
  if(transfer->upload_sent > KEEP_SENT ||
     (transfer->upload_cut && transfer->upload_sent)) {
    size_t left = transfer->upload.length - transfer->upload_sent;
    memmove(transfer->upload.data,
            transfer->upload.data + transfer->upload_sent, left);
    transfer->upload.length = left;
    transfer->upload_sent = 0;
    transfer->upload_cut = true;
  }
  if(!buffer_append(&transfer->upload, data, length))
    return -ENOMEM;
  transfer->upload_complete = last;
  transfer->upload_held = false;
  if(transfer->upload_waiting) {
    transfer->upload_waiting = false;
    transfer_pause(transfer);
  }
  return 0;
}

int cshim_loop_feed(struct cshim_loop *loop, uint32_t slot,
                    const char *data, size_t length, int last)
{
  struct transfer *transfer = results_use(loop, slot);
  if(transfer->state != TRANSFER_ACTIVE &&
     !(transfer->result_flags & CSHIM_RESULT_LOST))
    return 0; /* the body ended before its announced length was sent */
  return upload_feed(transfer, data, length, last);
}

bool upload_tie(struct transfer *transfer)
{
  CURL *easy = transfer->easy;
  return
    !curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read) &&
    !curl_easy_setopt(easy, CURLOPT_READDATA, transfer) &&
    !curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION,
                      (curl_seek_callback)on_seek) &&
    !curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
}

void upload_untie(CURL *easy)
{
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_READDATA, NULL);
  curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_SEEKDATA, NULL);
}
