/*
 * tls.c: what OpenSSL tells about a connection: its handshakes, the writes
 * that its socket did not take, and its secrets where they are asked for.
 *
 * libcurl has loaded OpenSSL; its functions are looked up in the process, so
 * nothing here depends on the version that it was built with. With another TLS
 * library CURLOPT_SSL_CTX_FUNCTION is refused, and nothing is counted.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "internal.h"

/* From OpenSSL's headers, the same in every release since 1.1.1. */
#define CB_CONNECT_EXIT 0x1002 /* SSL_CB_CONNECT_EXIT */
#define CB_HANDSHAKE_DONE 0x20 /* SSL_CB_HANDSHAKE_DONE */
#define EX_INDEX_SSL_CTX 1 /* CRYPTO_EX_INDEX_SSL_CTX */
#define BIO_WRITE_RETURN 0x83 /* BIO_CB_WRITE | BIO_CB_RETURN */
#define BIO_SHOULD_RETRY 0x08 /* BIO_FLAGS_SHOULD_RETRY */
#define WANT_READING 3 /* SSL_READING */
#define TLS13_VERSION 0x0304 /* TLS1_3_VERSION */
#define NO_TICKET ((uint64_t)1 << 14) /* SSL_OP_NO_TICKET */

typedef long bio_callback(void *bio, int operation, const char *data,
                          size_t length, int argi, long argl, int result,
                          size_t *processed);

static struct {
  int (*new_index)(int class_index, long argl, void *argp, void *new_func,
                   void *dup_func, void *free_func);
  int (*set_data)(void *context, int index, void *data);
  void *(*get_data)(const void *context, int index);
  uint64_t (*clear_options)(void *context, uint64_t options);
  void (*on_info)(void *context, void (*callback)(const void *, int, int));
  void (*on_key)(void *context, void (*callback)(const void *, const char *));
  void *(*context_of)(const void *ssl);
  void *(*bio_of)(const void *ssl);
  int (*want)(const void *ssl);
  int (*version)(const void *ssl);
  int (*resumed)(const void *ssl);
  void (*bio_set_callback)(void *bio, bio_callback *callback);
  bio_callback *(*bio_get_callback)(const void *bio);
  void (*bio_set_argument)(void *bio, char *argument);
  char *(*bio_argument)(const void *bio);
  int (*bio_flags)(const void *bio, int flags);
  int index; /* of the loop in a context's data; -1: no OpenSSL here */
} openssl;

static pthread_once_t looked_up = PTHREAD_ONCE_INIT;

static bool look_up_all(void)
{
  const struct {
    const char *name;
    void *into;
  } names[] = {
    { "CRYPTO_get_ex_new_index", &openssl.new_index },
    { "SSL_CTX_set_ex_data", &openssl.set_data },
    { "SSL_CTX_get_ex_data", &openssl.get_data },
    { "SSL_CTX_clear_options", &openssl.clear_options },
    { "SSL_CTX_set_info_callback", &openssl.on_info },
    { "SSL_CTX_set_keylog_callback", &openssl.on_key },
    { "SSL_get_SSL_CTX", &openssl.context_of },
    { "SSL_get_wbio", &openssl.bio_of },
    { "SSL_want", &openssl.want },
    { "SSL_version", &openssl.version },
    { "SSL_session_reused", &openssl.resumed },
    { "BIO_set_callback_ex", &openssl.bio_set_callback },
    { "BIO_get_callback_ex", &openssl.bio_get_callback },
    { "BIO_set_callback_arg", &openssl.bio_set_argument },
    { "BIO_get_callback_arg", &openssl.bio_argument },
    { "BIO_test_flags", &openssl.bio_flags }
  };
  size_t i;
  for(i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    void *found = dlsym(RTLD_DEFAULT, names[i].name);
    if(!found)
      return false;
    memcpy(names[i].into, &found, sizeof(found));
  }
  return true;
}

static void look_up(void)
{
  openssl.index = look_up_all() ?
                  openssl.new_index(EX_INDEX_SSL_CTX, 0, NULL, NULL, NULL,
                                    NULL) : -1;
}

static long on_bio(void *bio, int operation, const char *data, size_t length,
                   int argi, long argl, int result, size_t *processed)
{
  (void)data;
  (void)length;
  (void)argi;
  (void)argl;
  (void)processed;
  if(operation == BIO_WRITE_RETURN && result <= 0 &&
     openssl.bio_flags(bio, BIO_SHOULD_RETRY)) {
    void *loop = openssl.bio_argument(bio);
    loop_count(loop, CSHIM_WANT_WRITE, 1);
  }
  return result;
}

static void on_info(const void *ssl, int where, int result)
{
  struct cshim_loop *loop;
  void *bio;
  bool established;

  if(where != CB_HANDSHAKE_DONE && where != CB_CONNECT_EXIT)
    return;
  loop = openssl.get_data(openssl.context_of(ssl), openssl.index);
  bio = openssl.bio_of(ssl);
  if(!loop || !bio)
    return;
  established = openssl.bio_get_callback(bio) == on_bio;
  if(where == CB_CONNECT_EXIT) {
    if(established && result <= 0 && openssl.want(ssl) == WANT_READING)
      loop_count(loop, CSHIM_WANT_READ, 1);
  }
  else if(!established) {
    openssl.bio_set_argument(bio, (char *)loop);
    openssl.bio_set_callback(bio, on_bio);
    loop_count(loop, openssl.resumed(ssl) ? CSHIM_RESUMPTIONS :
                     CSHIM_HANDSHAKES, 1);
  }
  else if(openssl.version(ssl) < TLS13_VERSION) /* else a later message */
    loop_count(loop, CSHIM_RENEGOTIATIONS, 1);
}

static void on_key(const void *ssl, const char *line)
{
  struct cshim_loop *loop = openssl.get_data(openssl.context_of(ssl),
                                             openssl.index);
  struct iovec parts[2] = {
    { .iov_base = (char *)line, .iov_len = strlen(line) },
    { .iov_base = (char *)"\n", .iov_len = 1 }
  };
  /* one call, so that lines of several loops do not mix; a full disk must not
     end a connection */
  ssize_t written = loop && loop->key_log != -1 ?
                    writev(loop->key_log, parts, 2) : 0;
  (void)written;
}

/* CURLOPT_SSL_CTX_FUNCTION */
static CURLcode on_context(CURL *easy, void *context, void *userp)
{
  struct cshim_loop *loop = userp;
  (void)easy;
  pthread_once(&looked_up, look_up);
  if(openssl.index == -1)
    return CURLE_OK;
  openssl.set_data(context, openssl.index, loop);
  openssl.on_info(context, on_info);
  /* libcurl turns tickets off, over servers of 2010 that could not do them;
     without them many a server of today resumes no session up to TLS 1.2 */
  openssl.clear_options(context, NO_TICKET);
  if(loop->key_log != -1)
    openssl.on_key(context, on_key);
  return CURLE_OK;
}

void cshim_loop_log_keys(struct cshim_loop *loop, int file)
{
  loop->key_log = file;
}

bool tls_tie(struct transfer *transfer)
{
  CURLcode code = curl_easy_setopt(transfer->easy, CURLOPT_SSL_CTX_FUNCTION,
                                   on_context);
  if(code == CURLE_NOT_BUILT_IN || code == CURLE_UNKNOWN_OPTION)
    return true;
  return !code && !curl_easy_setopt(transfer->easy, CURLOPT_SSL_CTX_DATA,
                                    transfer->loop);
}

void tls_untie(CURL *easy)
{
  curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, NULL);
  curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, NULL);
}
