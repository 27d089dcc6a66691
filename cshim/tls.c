/*
 * tls.c: what OpenSSL reports about a connection: its handshakes, writes that
 * the socket did not take, and its secrets if they are to be logged.
 *
 * With another TLS library CURLOPT_SSL_CTX_FUNCTION is refused, and nothing is
 * counted.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "handshake.h"
#include "openssl.h"

/* CURLINFO_TLS_SSL_PTR, of 7.48.0 */
#define INFO_SSL ((CURLINFO)(CURLINFO_SLIST + 45))

/* From OpenSSL's headers, the same in every release since 1.1.1. */
#define CB_CONNECT_EXIT 0x1002 /* SSL_CB_CONNECT_EXIT */
#define CB_HANDSHAKE_START 0x10 /* SSL_CB_HANDSHAKE_START */
#define CB_HANDSHAKE_DONE 0x20 /* SSL_CB_HANDSHAKE_DONE */
#define CB_READ_ALERT 0x4004 /* SSL_CB_READ_ALERT */
#define CLOSE_NOTIFY 0 /* in the low octet of the alert's value */
#define RECORD_HEADER 0x100 /* SSL3_RT_HEADER */
#define SET_LOWEST_VERSION 123 /* SSL_CTRL_SET_MIN_PROTO_VERSION */
#define SET_HIGHEST_VERSION 124 /* SSL_CTRL_SET_MAX_PROTO_VERSION */
#define SET_STATUS_TYPE 65 /* SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE */
#define STATUS_OCSP 1 /* TLSEXT_STATUSTYPE_ocsp */
#define EX_INDEX_SSL_CTX 1 /* CRYPTO_EX_INDEX_SSL_CTX */
#define BIO_READ 0x02 /* BIO_CB_READ, before the read */
#define BIO_READ_RETURN 0x82 /* BIO_CB_READ | BIO_CB_RETURN */
#define BIO_WRITE_RETURN 0x83 /* BIO_CB_WRITE | BIO_CB_RETURN */
#define BIO_SHOULD_RETRY 0x08 /* BIO_FLAGS_SHOULD_RETRY */
#define BIO_READ_RETRY 0x09 /* BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY */
#define BIO_ALL_RETRY 0x0f /* BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY */
#define SSL_ERROR_WANT_READ 2
#define SSL_ERROR_WANT_WRITE 3
#define WANT_READING 3 /* SSL_READING */
#define TLS13_VERSION 0x0304 /* TLS1_3_VERSION */
#define NO_TICKET ((uint64_t)1 << 14) /* SSL_OP_NO_TICKET */

/* Index of the connection in an SSL_CTX's data; -1: none could be had. */
static int connection_index = -1;
static pthread_once_t indexed = PTHREAD_ONCE_INIT;

static void make_index(void)
{
  connection_index = openssl_loaded()->new_index(EX_INDEX_SSL_CTX, 0, NULL,
                                                 NULL, NULL, NULL);
}

/* The connection of an SSL; NULL if it is not one of ours. */
struct connection *tls_connection_of(const void *ssl)
{
  const struct openssl *openssl = openssl_loaded();
  return openssl->get_data(openssl->context_of(ssl), connection_index);
}

/* For SSL_CTX_set_msg_callback(), until the handshake is complete. The header
   of the first record shows whether the server speaks TLS. */
static void on_message(int written, int version, int kind, const void *data,
                       size_t length, void *ssl, void *userp)
{
  struct connection *connection = tls_connection_of(ssl);
  (void)version;
  (void)userp;
  if(!written && kind == RECORD_HEADER && connection)
    handshake_record(connection, data, length);
}

/* Notes how the server ended the connection. The state of TCP may not show it
   later, because the server may answer our close_notify with a RST. */
static void note_end(struct connection *connection, int result, int error)
{
  if(connection->seen_end != CSHIM_COUNTERS)
    return;
  if(!result)
    connection->seen_end = CSHIM_CLOSED_BY_SERVER;
  else if(error == ECONNRESET || error == EPIPE || error == ETIMEDOUT)
    connection->seen_end = CSHIM_RESET_BY_SERVER;
}

/* The most that is read from one connection before the others have their turn.
   OpenSSL goes on while there are messages of TLS itself, such as tickets, and
   libcurl while there are frames of no request, such as PINGs. After this many
   bytes they are told that there is nothing more. */
#define TURN_BYTES (64 * 1024)

/* Whether a connection has used up its reads in this turn of the loop. */
static bool has_had_its_turn(struct connection *connection)
{
  struct cshim_loop *loop = connection->loop;
  if(connection->read_turn != loop->turn) {
    connection->read_turn = loop->turn;
    connection->read_bytes = 0;
  }
  if(connection->read_bytes < TURN_BYTES)
    return false;
  loop->held_back = true;
  return true;
}

/* Peeks for an octet of application data, whatever was read in this turn
   before. Returns true if there is none. Returns false for data, for an end,
   and for more messages than a server at rest sends. */
bool tls_is_quiet(struct connection *connection)
{
  const struct openssl *openssl = openssl_loaded();
  char octet;
  int error;
  int result;
  connection->read_turn = connection->loop->turn;
  connection->read_bytes = 0;
  openssl->clear_errors();
  result = openssl->peek(connection->ssl, &octet, 1);
  error = openssl->error_of(connection->ssl, result);
  openssl->clear_errors();
  return (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) &&
         connection->read_bytes < TURN_BYTES;
}

static long on_bio(void *bio, int operation, const char *data, size_t length,
                   int argi, long argl, int result, size_t *processed)
{
  int error = errno;
  const struct openssl *openssl = openssl_loaded();
  struct connection *connection;
  (void)data;
  (void)length;
  (void)argi;
  (void)argl;
  connection = (void *)openssl->bio_argument(bio);
  if(operation == BIO_READ && has_had_its_turn(connection)) {
    openssl->bio_clear_flags(bio, BIO_ALL_RETRY);
    openssl->bio_set_flags(bio, BIO_READ_RETRY);
    return -1;
  }
  if(result > 0 && operation == BIO_READ_RETURN) {
    connection->reads++;
    connection->read_bytes += processed ? *processed : (size_t)result;
  }
  if(result > 0 && operation == BIO_WRITE_RETURN)
    connection->writes++;
  if(result > 0 ||
     (operation != BIO_WRITE_RETURN && operation != BIO_READ_RETURN))
    return result;
  if(!openssl->bio_flags(bio, BIO_SHOULD_RETRY))
    note_end(connection, operation == BIO_READ_RETURN ? result : -1, error);
  else if(operation == BIO_WRITE_RETURN)
    loop_count(connection->loop, CSHIM_WANT_WRITE, 1);
  return result;
}

/* Whether the handshake agreed on HTTP/2 with ALPN [RFC 7301]. */
static bool agreed_on_http2(const void *ssl)
{
  const unsigned char *name = NULL;
  unsigned length = 0;
  openssl_loaded()->agreed_protocol(ssl, &name, &length);
  return length == 2 && !memcmp(name, "h2", 2);
}

/* Whether requests share the connection, so that it is worth buffering. */
static bool is_shared(const struct cshim_loop *loop, const void *ssl)
{
  return loop->limits.mode == CSHIM_PIPELINING ||
         (wake_reaches_all(loop) && agreed_on_http2(ssl));
}

static void on_info(const void *ssl, int where, int result)
{
  const struct openssl *openssl = openssl_loaded();
  struct connection *connection;
  struct cshim_loop *loop;
  void *bio;
  bool established;

  if(where != CB_HANDSHAKE_DONE && where != CB_CONNECT_EXIT &&
     where != CB_READ_ALERT && where != CB_HANDSHAKE_START)
    return;
  connection = tls_connection_of(ssl);
  bio = openssl->bio_of(ssl);
  if(!connection || !bio)
    return;
  if(where == CB_READ_ALERT) {
    if((result & 0xff) == CLOSE_NOTIFY) {
      note_end(connection, 0, 0);
      http2_closing(connection);
    }
    else
      handshake_alert(connection, result & 0xff);
    return;
  }
  loop = connection->loop;
  if(where == CB_HANDSHAKE_START) { /* libcurl has set its own offer */
    if(loop->limits.only_http2)
      openssl->offer_protocols((void *)ssl, (const unsigned char *)"\2h2", 3);
    return;
  }
  established = openssl->bio_get_callback(bio) == on_bio;
  if(where == CB_CONNECT_EXIT) {
    if(established && result <= 0 && openssl->want(ssl) == WANT_READING)
      loop_count(loop, CSHIM_WANT_READ, 1);
  }
  else if(!established) {
    connection->tls = ssl;
    openssl->on_message_of((void *)ssl, NULL);
    handshake_done(connection, ssl);
    /* later releases of libcurl read for OpenSSL, which then has no socket */
    if(openssl->socket_of(ssl) == connection->socket)
      connection->ssl = (void *)ssl;
    if(loop->limits.coalesce && is_shared(loop, ssl))
      bio = bio_install(connection, (void *)ssl);
    openssl->bio_set_argument(bio, (char *)connection);
    openssl->bio_set_callback(bio, on_bio);
    loop_count(loop, openssl->resumed(ssl) ? CSHIM_RESUMPTIONS :
                     CSHIM_HANDSHAKES, 1);
  }
  else if(openssl->version(ssl) < TLS13_VERSION) /* else a later message */
    loop_count(loop, CSHIM_RENEGOTIATIONS, 1);
}

static void on_key(const void *ssl, const char *line)
{
  const struct connection *connection = tls_connection_of(ssl);
  struct iovec parts[2] = {
    { .iov_base = (char *)line, .iov_len = strlen(line) },
    { .iov_base = (char *)"\n", .iov_len = 1 }
  };
  /* one call, so that lines of several loops do not mix; a full disk must not
     end a connection */
  ssize_t written = connection && connection->loop->key_log != -1 ?
                    writev(connection->loop->key_log, parts, 2) : 0;
  (void)written;
}

/* Whether OpenSSL has to be told what libcurl has no option for. */
static bool has_limits(const struct cshim_limits *limits)
{
  return limits->tls_lowest || limits->tls_highest || limits->only_http2;
}

static bool set_versions(void *context, const struct cshim_limits *limits)
{
  const struct openssl *openssl = openssl_loaded();
  return
    (!limits->tls_lowest ||
     openssl->context_control(context, SET_LOWEST_VERSION,
                              limits->tls_lowest, NULL)) &&
    (!limits->tls_highest ||
     openssl->context_control(context, SET_HIGHEST_VERSION,
                              limits->tls_highest, NULL));
}

/* CURLOPT_SSL_CTX_FUNCTION */
static CURLcode on_context(CURL *easy, void *context, void *userp)
{
  const struct openssl *openssl = openssl_loaded();
  struct transfer *transfer = userp;
  struct cshim_loop *loop = transfer->loop;
  (void)easy;
  if(!openssl || pthread_once(&indexed, make_index) ||
     connection_index == -1 || !transfer->connection)
    return has_limits(&loop->limits) ? CURLE_SSL_CONNECT_ERROR : CURLE_OK;
  if(!set_versions(context, &loop->limits))
    return CURLE_SSL_CONNECT_ERROR;
  if(loop->ca_file && !authorities_trust(loop, context)) {
    transfer->untrusting = true;
    return CURLE_SSL_CACERT_BADFILE;
  }
  openssl->set_data(context, connection_index, transfer->connection);
  openssl->on_info(context, on_info);
  openssl->on_message(context, on_message);
  openssl->context_control(context, SET_STATUS_TYPE, STATUS_OCSP, NULL);
  wildcard_install(context);
  /* libcurl turns tickets off because of servers of 2010; without tickets,
     many servers of today resume no session up to TLS 1.2 */
  openssl->clear_options(context, NO_TICKET);
  if(loop->key_log != -1)
    openssl->on_key(context, on_key);
  return CURLE_OK;
}

/* The SSL of the connection of a transfer that is in a callback; NULL if there
   is none, or it is not OpenSSL's. */
const void *tls_session(const struct transfer *transfer)
{
  struct curl_slist *info = NULL; /* what it says it is */
  const struct curl_tlssessioninfo *session;
  if(!openssl_loaded() ||
     curl_easy_getinfo(transfer->easy, INFO_SSL, &info) || !info)
    return NULL;
  session = (const void *)info;
  return session->backend == CURLSSLBACKEND_OPENSSL ? session->internals :
         NULL;
}

/* Whether that connection has agreed on HTTP/2 in its handshake. */
bool tls_is_http2(const struct transfer *transfer)
{
  const void *ssl = tls_session(transfer);
  return ssl && agreed_on_http2(ssl);
}

void cshim_loop_log_keys(struct cshim_loop *loop, int file)
{
  loop->key_log = file;
}

/* Keeps libcurl from reading authorities for each connection when on_context()
   provides them. */
static bool set_authorities(struct transfer *transfer, bool ours)
{
  const char *file = transfer->loop->ca_file;
  return !file ||
         (!curl_easy_setopt(transfer->easy, CURLOPT_CAINFO,
                            ours ? NULL : file) &&
          (!ours || !curl_easy_setopt(transfer->easy, CURLOPT_CAPATH, NULL)));
}

bool tls_tie(struct transfer *transfer)
{
  CURLcode code = curl_easy_setopt(transfer->easy, CURLOPT_SSL_CTX_FUNCTION,
                                   on_context);
  if(code == CURLE_NOT_BUILT_IN || code == CURLE_UNKNOWN_OPTION)
    return !has_limits(&transfer->loop->limits) &&
           set_authorities(transfer, false);
  return !code && !curl_easy_setopt(transfer->easy, CURLOPT_SSL_CTX_DATA,
                                    transfer) &&
         set_authorities(transfer, openssl_loaded() != NULL);
}

void tls_untie(CURL *easy)
{
  curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, NULL);
}
