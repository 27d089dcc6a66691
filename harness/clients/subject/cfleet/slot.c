#include "fleet.h"

#include <stdio.h>
#include <string.h>

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
  struct slot *slot = user;
  size_t len = size * count;
  size_t i;

  for(i = 0; i < len && !slot->line_whole; i++) {
    if(data[i] == '\n' || slot->received_len == ID_MAX - 1)
      slot->line_whole = true;
    else
      slot->received[slot->received_len++] = data[i];
  }
  return len;
}

bool slot_open(struct slot *slot, struct client *client)
{
  const struct options *options = client->fleet->options;
  CURL *easy = curl_easy_init();

  slot->client = client;
  slot->easy = easy;
  return easy
    && !curl_easy_setopt(easy, CURLOPT_PRIVATE, slot)
    && !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L)
    && !curl_easy_setopt(easy, CURLOPT_PROXY, "")
    && !curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
    && !curl_easy_setopt(easy, CURLOPT_SSLVERSION, options->tls)
    && !curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file)
    && !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->fleet->headers)
    && !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body)
    && !curl_easy_setopt(easy, CURLOPT_WRITEDATA, slot);
}

bool slot_begin(struct slot *slot)
{
  struct client *client = slot->client;
  char url[512];

  snprintf(slot->id, sizeof(slot->id), "c%ld-r%ld", client->number,
           client->begun);
  snprintf(url, sizeof(url), "%s/%s", client->fleet->options->url, slot->id);
  memset(slot->received, 0, sizeof(slot->received));
  slot->received_len = 0;
  slot->line_whole = false;
  if(curl_easy_setopt(slot->easy, CURLOPT_URL, url) ||
     curl_multi_add_handle(client->multi, slot->easy))
    return false;
  if(client->begun == client->ended)
    client->moved_ns = now_ns();
  client->begun++;
  slot->under_way = true;
  return true;
}

/* Takes the handle out of the multi handle, so that it can make the next
   request. */
static void leave(struct slot *slot)
{
  struct client *client = slot->client;

  curl_multi_remove_handle(client->multi, slot->easy);
  slot->under_way = false;
  client->ended++;
  client->moved_ns = now_ns();
  client->fleet->ended++;
}

void slot_end(struct slot *slot, CURLcode result, long status)
{
  struct fleet *fleet = slot->client->fleet;

  leave(slot);
  if(result || status != 200)
    fleet->failed++;
  else if(strcmp(slot->id, slot->received))
    fleet->wrong++;
  else
    fleet->answered++;
}

void slot_give_up(struct slot *slot)
{
  leave(slot);
  slot->client->fleet->given_up++;
}

void slot_close(struct slot *slot)
{
  if(!slot->easy)
    return;
  curl_multi_remove_handle(slot->client->multi, slot->easy);
  curl_easy_cleanup(slot->easy);
}
