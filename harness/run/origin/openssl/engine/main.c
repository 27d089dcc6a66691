/*
 * tls-engine: OpenSSL for the origin of the laboratory.
 *
 *   tls-engine 1.2|1.3
 *
 * Go's crypto/tls, which the origin uses otherwise, cannot renegotiate as a
 * server, nor send a KeyUpdate or a late NewSessionTicket. The origin keeps
 * the sockets and gives this program what it reads from them; it gets back
 * the plain bytes, and the bytes to write. frame.h has the commands.
 *
 * The program ends with stdin. Its exit code is 0 then, 1 with a line on
 * stderr when it could not go on, and 2 when it was not called like that.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "connection.h"
#include "frame.h"
#include "identity.h"

/* More connections than any run makes. */
#define CONNECTIONS_MAX 1000000

/* All connections by number; NULL for those that are not open. */
static struct connection **connections;
static size_t connection_count;

static SSL_CTX *context;

static void answer(uint32_t number, struct outcome outcome,
                   unsigned char flags)
{
  unsigned char content[256];
  size_t length = strlen(outcome.text);

  if(length > sizeof(content) - 2)
    length = sizeof(content) - 2;
  content[0] = (unsigned char)outcome.status;
  content[1] = flags;
  memcpy(content + 2, outcome.text, length);
  frame_write(FRAME_DONE, number, content, length + 2);
}

/* Returns the place of a connection in that array. */
static struct connection **slot_of(uint32_t number)
{
  size_t count = connection_count ? connection_count : 16;
  struct connection **grown;

  if(number >= CONNECTIONS_MAX)
    give_up("there is no connection %lu", (unsigned long)number);
  if(number >= connection_count) {
    while(count <= number)
      count *= 2;
    grown = realloc(connections, count * sizeof(*grown));
    if(!grown)
      give_up("no memory for connection %lu", (unsigned long)number);
    memset(grown + connection_count, 0,
           (count - connection_count) * sizeof(*grown));
    connections = grown;
    connection_count = count;
  }
  return &connections[number];
}

static void carry_out(const struct frame *command)
{
  static const struct outcome done = { STATUS_OK, "" };
  struct connection **slot = slot_of(command->connection);
  struct outcome outcome = done;
  unsigned char flags = 0;

  if(!*slot != (command->type == FRAME_OPEN))
    give_up("connection %lu is %s", (unsigned long)command->connection,
            *slot ? "open already" : "not open");
  switch(command->type) {
  case FRAME_OPEN:
    *slot = connection_new(context, command->connection);
    break;
  case FRAME_FREE:
    connection_free(*slot);
    *slot = NULL;
    break;
  default:
    outcome = connection_do(*slot, command);
    flags = connection_flags(*slot);
  }
  answer(command->connection, outcome, flags);
}

static void serve(int version)
{
  static struct frame command;
  struct outcome ready = { STATUS_OK, OpenSSL_version(OPENSSL_VERSION) };
  size_t i;

  if(!frame_read(&command))
    return;
  if(command.type != FRAME_IDENTITY)
    give_up("the first command is not the identity");
  context = identity_context(version, command.content, command.length);
  SSL_CTX_set_keylog_callback(context, connection_tell_secret);
  OPENSSL_cleanse(command.content, command.length);
  answer(0, ready, 0);
  while(frame_read(&command))
    carry_out(&command);
  for(i = 0; i < connection_count; i++)
    connection_free(connections[i]);
  free(connections);
  SSL_CTX_free(context);
}

int main(int argc, char **argv)
{
  int version = 0;

  if(argc == 2 && !strcmp(argv[1], "1.2"))
    version = TLS1_2_VERSION;
  else if(argc == 2 && !strcmp(argv[1], "1.3"))
    version = TLS1_3_VERSION;
  if(!version) {
    fputs("tls-engine: usage: tls-engine 1.2|1.3; the origin starts it\n",
          stderr);
    return 2;
  }
  serve(version);
  return 0;
}
