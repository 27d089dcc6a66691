/*
 * A library with the names of OpenSSL's functions that is not OpenSSL, for
 * plugin_host to open beside a real one. It prints which of its functions was
 * called.
 */

#include <stdio.h>
#include <string.h>

typedef struct {
  int version;
  const char *method; /* OpenSSL's objects, too, have it near their start */
  void *more[6];
} SSL;

static const char method[] = "the other library's";

const char *OpenSSL_version(int which)
{
  (void)which;
  return "Other 1.0";
}

void *SSL_get_rbio(const SSL *ssl)
{
  (void)ssl;
  return NULL;
}

int SSL_write(SSL *ssl, const void *buf, int num)
{
  (void)buf;
  printf("%s SSL_write\n", ssl->method);
  return num;
}

void SSL_free(SSL *ssl)
{
  printf("%s SSL_free\n", ssl->method);
}

int tls_client(int port, const char *command)
{
  SSL ssl = { 1, method, { NULL } };

  (void)port;
  printf("write %d\n", SSL_write(&ssl, command, (int)strlen(command)));
  SSL_free(&ssl);
  return 0;
}
