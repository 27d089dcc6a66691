/*
 * A TLS client on a leash, for the tests of the engine: it does what the lines
 * on stdin say, one at a time, never blocks in TLS, and prints a line for each.
 *
 *   client PORT CA VERSION SEND_BUFFER
 *
 * Its bytes count up, so that whoever reads them sees what is missing.
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL *ssl;
static int fd;
static unsigned char pending[65536]; /* what SSL_write() must get again */
static int pending_length;
static unsigned long sent;
static unsigned long hellos; /* number of HelloRequests received */

static void die(const char *what)
{
  perror(what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

static void count_hellos(int written, int version, int type, const void *bytes,
                         size_t length, SSL *of, void *argument)
{
  (void)version;
  (void)of;
  (void)argument;
  if(!written && type == SSL3_RT_HANDSHAKE && length &&
     *(const unsigned char *)bytes == SSL3_MT_HELLO_REQUEST)
    hellos++;
}

static const char *why(int ret)
{
  switch(SSL_get_error(ssl, ret)) {
  case SSL_ERROR_WANT_READ:
    return "WANT_READ";
  case SSL_ERROR_WANT_WRITE:
    return "WANT_WRITE";
  case SSL_ERROR_ZERO_RETURN:
    return "ZERO_RETURN";
  case SSL_ERROR_SYSCALL:
    return "SYSCALL";
  default:
    return ERR_reason_error_string(ERR_peek_error());
  }
}

/* Continues the pending write. */
static void go_on(void)
{
  int ret;

  ERR_clear_error();
  ret = SSL_write(ssl, pending, pending_length);
  if(ret > 0) {
    sent += (unsigned long)ret;
    pending_length = 0;
    printf("wrote %d\n", ret);
  }
  else
    printf("%s\n", why(ret));
}

static void prepare(int length)
{
  int i;

  if(length < 1 || (size_t)length > sizeof(pending))
    die("write");
  for(i = 0; i < length; i++)
    pending[i] = (unsigned char)((sent + (unsigned long)i) % 251);
  pending_length = length;
}

/* Writes until writing would block. */
static void fill(int length)
{
  int ret;

  do {
    prepare(length);
    ERR_clear_error();
    ret = SSL_write(ssl, pending, pending_length);
    if(ret > 0)
      sent += (unsigned long)ret;
  } while(ret > 0);
  printf("%s %lu\n", why(ret), sent);
}

static void read_once(void)
{
  char bytes[16385];
  int ret;

  ERR_clear_error();
  ret = SSL_read(ssl, bytes, sizeof(bytes) - 1);
  if(ret > 0) {
    bytes[ret] = 0;
    printf("read %s\n", bytes);
  }
  else
    printf("%s\n", why(ret));
}

static void wait_for(short what)
{
  struct pollfd set = { .fd = fd, .events = what };

  if(poll(&set, 1, -1) != 1)
    die("poll");
  puts("ready");
}

static void obey(const char *order)
{
  if(!strncmp(order, "write ", 6)) {
    prepare(atoi(order + 6));
    go_on();
  }
  else if(!strcmp(order, "go on"))
    go_on();
  else if(!strncmp(order, "fill ", 5))
    fill(atoi(order + 5));
  else if(!strcmp(order, "read"))
    read_once();
  else if(!strcmp(order, "wait for reading"))
    wait_for(POLLIN);
  else if(!strcmp(order, "wait for writing"))
    wait_for(POLLOUT);
  else if(!strcmp(order, "hellos"))
    printf("%lu\n", hellos);
  else if(!strcmp(order, "update key"))
    printf("%d %d\n", SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED),
           SSL_do_handshake(ssl));
  else
    die(order);
}

static void start(int port, const char *ca, int version, int send_buffer)
{
  struct sockaddr_in address = { .sin_family = AF_INET };
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());

  if(!context || !SSL_CTX_load_verify_locations(context, ca, NULL))
    die(ca);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_min_proto_version(context, version);
  SSL_CTX_set_max_proto_version(context, version);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  if(send_buffer)
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if(connect(fd, (struct sockaddr *)&address, sizeof(address)))
    die("connect");
  ssl = SSL_new(context);
  SSL_CTX_free(context);
  SSL_set_msg_callback(ssl, count_hellos);
  if(!SSL_set_fd(ssl, fd) || SSL_connect(ssl) != 1)
    die("SSL_connect");
  if(fcntl(fd, F_SETFL, O_NONBLOCK))
    die("fcntl");
}

int main(int argc, char **argv)
{
  char order[64];

  if(argc != 5)
    return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  start(atoi(argv[1]), argv[2],
        strcmp(argv[3], "1.2") ? TLS1_3_VERSION : TLS1_2_VERSION,
        atoi(argv[4]));
  puts("connected");
  while(fgets(order, sizeof(order), stdin)) {
    order[strcspn(order, "\n")] = 0;
    obey(order);
  }
  SSL_free(ssl);
  close(fd);
  return 0;
}
