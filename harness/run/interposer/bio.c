/*
 * Hooks for programs that write through BIO_f_ssl() and never call SSL_write().
 *
 * BIO_write() is called for everything that OpenSSL moves, so a call that is
 * inside another one, or on another kind of BIO, is handed on at once. A write
 * to a BIO that stands before one of BIO_f_ssl(), as BIO_f_buffer() does, is not
 * the program's own write over TLS and is not seen.
 */

#include <stddef.h>
#include <string.h>

#include "real.h"
#include "tls.h"

typedef struct bio_st BIO;

typedef int method_type_function(const BIO *);
typedef long ctrl_function(BIO *, int, long, void *);
typedef int write_function(BIO *, const void *, int);
typedef int write_ex_function(BIO *, const void *, size_t, size_t *);
typedef int puts_function(BIO *, const char *);

/* Part of OpenSSL's ABI. */
#define BIO_TYPE_SSL (7 | 0x0200)
#define BIO_C_GET_SSL 110

write_function BIO_write;
write_ex_function BIO_write_ex;
puts_function BIO_puts;

/* The SSL object that a call on bio writes to, or NULL. */
static struct ssl_st *ssl_of(BIO *bio)
{
  static struct real_function method_type;
  static struct real_function ctrl;
  struct ssl_st *ssl = NULL;

  if(!bio || tls_inside_call() ||
     ((method_type_function *)
       real_openssl(&method_type, "BIO_method_type", bio))
         (bio) != BIO_TYPE_SSL)
    return NULL;
  ((ctrl_function *)real_openssl(&ctrl, "BIO_ctrl", bio))
    (bio, BIO_C_GET_SSL, 0, (void *)&ssl);
  return ssl;
}

int BIO_write(BIO *bio, const void *data, int num)
{
  static struct real_function real;
  write_function *function = real_openssl(&real, "BIO_write", bio);
  struct ssl_st *ssl = ssl_of(bio);
  size_t len = num > 0 ? (size_t)num : 0;
  struct tls_call call;
  int ret;

  if(!ssl)
    return function(bio, data, num);
  call = tls_enter_write("BIO_write", ssl);
  ret = function(bio, data, num);
  tls_leave(&call, ret, data, &len, NULL);
  return ret;
}

int BIO_write_ex(BIO *bio, const void *data, size_t num, size_t *written)
{
  static struct real_function real;
  write_ex_function *function = real_openssl(&real, "BIO_write_ex", bio);
  struct ssl_st *ssl = ssl_of(bio);
  struct tls_call call;
  int ret;

  if(!ssl)
    return function(bio, data, num, written);
  call = tls_enter_write("BIO_write_ex", ssl);
  ret = function(bio, data, num, written);
  tls_leave(&call, ret, data, &num, ret > 0 ? written : NULL);
  return ret;
}

int BIO_puts(BIO *bio, const char *text)
{
  static struct real_function real;
  puts_function *function = real_openssl(&real, "BIO_puts", bio);
  struct ssl_st *ssl = ssl_of(bio);
  struct tls_call call;
  size_t len;
  int ret;

  if(!ssl)
    return function(bio, text);
  len = strlen(text);
  call = tls_enter_write("BIO_puts", ssl);
  ret = function(bio, text);
  tls_leave(&call, ret, text, &len, NULL);
  return ret;
}
