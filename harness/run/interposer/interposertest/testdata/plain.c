/*
 * A client without OpenSSL: plain PORT COMMAND [ARGUMENT]. It prints what it
 * can see of its own calls, one line each, so that runs with and without the
 * interposer can be compared.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define SENDS_PER_THREAD 200

static int port;

static void fail(const char *what)
{
  perror(what);
  exit(1);
}

static int open_connection(void)
{
  struct sockaddr_in address = { .sin_family = AF_INET };
  int fd = socket(AF_INET, SOCK_STREAM, 0);

  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if(fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
    fail("connect");
  return fd;
}

/* Each way to send, once. */
static void send_each_way(int fd)
{
  struct iovec pieces[2] = { { "wri", 3 }, { "tev", 3 } };
  struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };

  printf("send %zd\n", send(fd, "send", 4, 0));
  printf("sendto %zd\n", sendto(fd, "sendto", 6, 0, NULL, 0));
  printf("write %zd\n", write(fd, "write", 5));
  printf("writev %zd\n", writev(fd, pieces, 2));
  pieces[0].iov_base = "sen";
  pieces[1].iov_base = "dmsg";
  pieces[1].iov_len = 4;
  printf("sendmsg %zd\n", sendmsg(fd, &message, 0));
}

static void send_until_blocked(int fd)
{
  static char data[65536];
  ssize_t sent;

  if(fcntl(fd, F_SETFL, O_NONBLOCK))
    fail("fcntl");
  do
    sent = send(fd, data, sizeof(data), 0);
  while(sent >= 0);
  printf("blocked %s\n", strerror(errno));
}

static void send_wrongly(int fd)
{
  ssize_t sent = send(fd, (void *)1, 100, 0);

  printf("bad address %zd %s\n", sent, strerror(errno));
  sent = send(-1, "x", 1, 0);
  printf("bad descriptor %zd %s\n", sent, strerror(errno));
  printf("close %d", close(-1));
  printf(" %s\n", strerror(errno));
}

static void print_send_buffer(int fd)
{
  int size;
  socklen_t len = sizeof(size);

  if(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len))
    fail("getsockopt");
  printf("SO_SNDBUF %d\n", size);
}

static void *thread(void *unused)
{
  int fd = open_connection();
  int i;

  (void)unused;
  for(i = 0; i < SENDS_PER_THREAD; i++) {
    if(send(fd, &i, sizeof(i), 0) != sizeof(i))
      fail("send");
  }
  close(fd);
  return NULL;
}

static void send_from_threads(void)
{
  pthread_t threads[THREADS];
  int i;

  for(i = 0; i < THREADS; i++)
    if(pthread_create(&threads[i], NULL, thread, NULL))
      fail("pthread_create");
  for(i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
}

static void send_from_child(const char *program, const char *port_text)
{
  int status;
  pid_t child = fork();

  if(child < 0)
    fail("fork");
  if(!child) {
    execl(program, program, port_text, "each-way", (char *)NULL);
    fail("execl");
  }
  if(waitpid(child, &status, 0) != child || status)
    fail("child");
}

static void wait_for_line(void)
{
  int c;

  fflush(stdout);
  do
    c = getchar();
  while(c != '\n' && c != EOF);
}

/* Fills the events pipe, sends three times, and once more when the test has
   made room again. */
static void send_past_full_pipe(int events_fd, int fd)
{
  char blank_lines[4096];
  int i;

  if(fcntl(events_fd, F_SETFL, O_WRONLY | O_NONBLOCK))
    fail("fcntl");
  memset(blank_lines, '\n', sizeof(blank_lines));
  while(write(events_fd, blank_lines, sizeof(blank_lines)) > 0)
    ;
  for(i = 0; i < 3; i++)
    printf("send %zd\n", send(fd, "lost", 4, 0));
  puts("full");
  wait_for_line();
  printf("send %zd\n", send(fd, "seen", 4, 0));
}

/* Puts another file behind the number of the events pipe. */
static void replace_events(int events_fd, const char *path, int fd)
{
  int file = open(path, O_WRONLY | O_CREAT, 0600);

  if(file < 0 || dup2(file, events_fd) < 0)
    fail("dup2");
  printf("send %zd\n", send(fd, "unseen", 6, 0));
}

int main(int argc, char **argv)
{
  const char *command = argc > 2 ? argv[2] : "";
  int fd;

  setvbuf(stdout, NULL, _IOLBF, 0);
  port = argc > 1 ? atoi(argv[1]) : 0;
  if(!strcmp(command, "threads")) {
    send_from_threads();
    return 0;
  }
  if(!strcmp(command, "child")) {
    send_from_child(argv[0], argv[1]);
    return 0;
  }
  fd = open_connection();
  if(!strcmp(command, "each-way"))
    send_each_way(fd);
  else if(!strcmp(command, "until-blocked"))
    send_until_blocked(fd);
  else if(!strcmp(command, "wrongly"))
    send_wrongly(fd);
  else if(!strcmp(command, "send-buffer"))
    print_send_buffer(fd);
  else if(!strcmp(command, "full-pipe") && argc > 3)
    send_past_full_pipe(atoi(argv[3]), fd);
  else if(!strcmp(command, "replace-events") && argc > 4)
    replace_events(atoi(argv[3]), argv[4], fd);
  else {
    fprintf(stderr, "plain: no command \"%s\"\n", command);
    return 2;
  }
  printf("close %d\n", close(fd));
  return 0;
}
