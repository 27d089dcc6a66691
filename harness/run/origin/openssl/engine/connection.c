#include "connection.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>

struct connection {
  SSL *ssl;
  BIO *from_client;  /* both belong to ssl */
  BIO *to_client;
  uint32_t number;
  bool established;
  bool failed;
};

static const struct outcome done = { STATUS_OK, "" };

static struct outcome refuse(const char *text)
{
  return (struct outcome) { STATUS_REFUSED, text };
}

/* The connection has failed, for the first reason in the error queue. */
static struct outcome fail(struct connection *connection)
{
  const char *reason = ERR_reason_error_string(ERR_peek_error());

  connection->failed = true;
  return (struct outcome) { STATUS_FAILED, reason ? reason : "unknown error" };
}

/* OpenSSL calls this with each message. Record headers (with a type above 255)
   and ChangeCipherSpec are ignored. */
static void tell_message(int sent, int version, int content_type,
                         const void *message, size_t length, SSL *ssl,
                         void *argument)
{
  const struct connection *connection = argument;
  const unsigned char *bytes = message;
  struct frame_message told = {
    .sent = sent ? 1 : 0, .content_type = (unsigned char)content_type
  };

  (void)version;
  (void)ssl;
  if(content_type == SSL3_RT_ALERT && length >= 2)
    told.second = bytes[1];
  else if(content_type != SSL3_RT_HANDSHAKE || !length)
    return;
  told.first = bytes[0];
  frame_write(FRAME_MESSAGE, connection->number, &told, sizeof(told));
}

void connection_tell_secret(const SSL *ssl, const char *line)
{
  const struct connection *connection = SSL_get_app_data(ssl);

  frame_write(FRAME_SECRET, connection->number, line, strlen(line));
}

struct connection *connection_new(SSL_CTX *context, uint32_t number)
{
  struct connection *connection = calloc(1, sizeof(*connection));
  BIO *from_client = BIO_new(BIO_s_mem());
  BIO *to_client = BIO_new(BIO_s_mem());
  SSL *ssl = SSL_new(context);

  if(!connection || !from_client || !to_client || !ssl)
    give_up("no memory for a connection");
  if(!SSL_set_app_data(ssl, connection))
    give_up("no memory for a connection");
  SSL_set_bio(ssl, from_client, to_client);
  SSL_set_accept_state(ssl);
  SSL_set_msg_callback(ssl, tell_message);
  SSL_set_msg_callback_arg(ssl, connection);
  *connection = (struct connection) {
    .ssl = ssl, .from_client = from_client, .to_client = to_client,
    .number = number
  };
  return connection;
}

void connection_free(struct connection *connection)
{
  if(connection)
    SSL_free(connection->ssl);
  free(connection);
}

unsigned char connection_flags(const struct connection *connection)
{
  unsigned char flags = 0;

  if(connection->established)
    flags |= FLAG_ESTABLISHED;
  /* set from SSL_renegotiate() until the client's Finished */
  if(connection->established && SSL_renegotiate_pending(connection->ssl))
    flags |= FLAG_RENEGOTIATING;
  if(SSL_get_shutdown(connection->ssl) & SSL_RECEIVED_SHUTDOWN)
    flags |= FLAG_CLOSE_NOTIFY;
  return flags;
}

/* Passes on what OpenSSL wants to send. */
static void send_all(struct connection *connection)
{
  unsigned char bytes[RECORD_MAX];
  int length;

  for(;;) {
    length = BIO_read(connection->to_client, bytes, sizeof(bytes));
    if(length <= 0)
      return;
    frame_write(FRAME_SEND, connection->number, bytes, (size_t)length);
  }
}

/* Reads until OpenSSL needs more from the client. */
static struct outcome read_all(struct connection *connection)
{
  unsigned char plain[RECORD_MAX];
  int length;

  do {
    length = SSL_read(connection->ssl, plain, sizeof(plain));
    if(length > 0)
      frame_write(FRAME_PLAIN, connection->number, plain, (size_t)length);
  } while(length > 0);
  switch(SSL_get_error(connection->ssl, length)) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_ZERO_RETURN:
    return done;
  default:
    return fail(connection);
  }
}

static struct outcome receive(struct connection *connection,
                              const struct frame *command)
{
  int ret;

  if(BIO_write(connection->from_client, command->content,
               (int)command->length) != (int)command->length)
    give_up("no memory for what the client sent");
  if(!connection->established) {
    ret = SSL_do_handshake(connection->ssl);
    if(ret != 1)
      return SSL_get_error(connection->ssl, ret) == SSL_ERROR_WANT_READ ?
        done : fail(connection);
    connection->established = true;
  }
  return read_all(connection);
}

/* After the ClientHello has arrived, SSL_write() would continue the handshake,
   and fail on application data that the client sent before. The origin does
   not write until the renegotiation is complete. */
static struct outcome write_plain(struct connection *connection,
                                  const struct frame *command)
{
  if(SSL_renegotiate_pending(connection->ssl))
    return refuse("a renegotiation is not through");
  if(!command->length || command->length > RECORD_MAX)
    return refuse("a record has 1 to 16384 bytes");
  if(SSL_write(connection->ssl, command->content, (int)command->length) !=
     (int)command->length)
    return fail(connection);
  return done;
}

/* Sends the message that was just asked for. */
static struct outcome send_message(struct connection *connection)
{
  return SSL_do_handshake(connection->ssl) == 1 ? done : fail(connection);
}

static struct outcome renegotiate(struct connection *connection,
                                  const struct frame *command)
{
  (void)command;
  if(SSL_version(connection->ssl) != TLS1_2_VERSION)
    return refuse("only TLS 1.2 has renegotiation");
  if(SSL_renegotiate_pending(connection->ssl))
    return refuse("a renegotiation is not through");
  if(SSL_renegotiate(connection->ssl) != 1)
    return fail(connection);
  return send_message(connection);
}

static struct outcome update_key(struct connection *connection,
                                 const struct frame *command)
{
  bool request = command->length == 1 && command->content[0];

  if(SSL_version(connection->ssl) != TLS1_3_VERSION)
    return refuse("only TLS 1.3 has KeyUpdate");
  if(SSL_key_update(connection->ssl, request ? SSL_KEY_UPDATE_REQUESTED :
                    SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
    return fail(connection);
  return send_message(connection);
}

static struct outcome send_ticket(struct connection *connection,
                                  const struct frame *command)
{
  (void)command;
  if(SSL_version(connection->ssl) != TLS1_3_VERSION)
    return refuse("only TLS 1.3 has tickets outside of a handshake");
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
  if(SSL_new_session_ticket(connection->ssl) != 1)
    return fail(connection);
  return send_message(connection);
#else
  return refuse("late tickets need OpenSSL 3.0 or later");
#endif
}

static struct outcome send_close_notify(struct connection *connection,
                                        const struct frame *command)
{
  (void)command;
  if(SSL_in_init(connection->ssl))
    return refuse("a handshake is not through");
  return SSL_shutdown(connection->ssl) < 0 ? fail(connection) : done;
}

static const struct {
  enum frame_type type;
  bool established;  /* only on an established connection */
  struct outcome (*function)(struct connection *, const struct frame *);
} commands[] = {
  { FRAME_RECEIVED, false, receive },
  { FRAME_WRITE, true, write_plain },
  { FRAME_RENEGOTIATE, true, renegotiate },
  { FRAME_KEY_UPDATE, true, update_key },
  { FRAME_TICKET, true, send_ticket },
  { FRAME_CLOSE_NOTIFY, true, send_close_notify }
};

struct outcome connection_do(struct connection *connection,
                             const struct frame *command)
{
  struct outcome outcome;
  size_t i;

  for(i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
    if(commands[i].type != command->type)
      continue;
    if(connection->failed)
      return refuse("TLS has failed on this connection");
    if(commands[i].established && !connection->established)
      return refuse("the handshake is not through");
    ERR_clear_error();
    outcome = commands[i].function(connection, command);
    send_all(connection);
    return outcome;
  }
  give_up("there is no command %d", (int)command->type);
}
