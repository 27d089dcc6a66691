#define _GNU_SOURCE /* for syscall() */

#include "events.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 512

/* Programs expect the lowest descriptors for themselves. */
#define OUT_OF_THE_WAY 500

_Static_assert(LINE_SIZE <= PIPE_BUF, "a line must reach the pipe whole");

/* Set before main(), and again if the host has closed it. The identity of the
   file shows whether the number still names it, because the host may have
   closed it and opened something else. */
static int events_fd = -1;
static dev_t events_device;
static ino_t events_inode;

static bool reader_gone;
static unsigned long dropped;

bool events_enabled(void)
{
  return events_fd >= 0 && !__atomic_load_n(&reader_gone, __ATOMIC_RELAXED);
}

uint64_t event_hash(uint64_t hash, const void *data, size_t len)
{
  const unsigned char *byte = data;
  size_t i;

  for(i = 0; i < len; i++) {
    hash ^= byte[i];
    hash *= UINT64_C(0x100000001b3);
  }
  return hash;
}

/* The descriptor in the environment, or -1. */
static int fd_from_environment(void)
{
  const char *text = getenv("PIPELAB_EVENTS_FD");
  char *end;
  long fd;

  if(!text || !*text)
    return -1;
  errno = 0;
  fd = strtol(text, &end, 10);
  if(errno || *end || fd < 0 || fd > INT_MAX)
    return -1;
  return (int)fd;
}

/* Uses fd for the events, if possible. */
static bool take_fd(int fd)
{
  struct stat status;

  if(fd < 0 || fstat(fd, &status) ||
     (!S_ISFIFO(status.st_mode) && !S_ISREG(status.st_mode)) ||
     (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
    return false;
  events_device = status.st_dev;
  events_inode = status.st_ino;
  __atomic_store_n(&events_fd, fd, __ATOMIC_RELEASE);
  return true;
}

/* Path of the pipe, and how often it may be opened again. */
static char events_path[64];
static int tries = 16;

/* False if fd is not the file at the path: a shell script may use the number
   for something else. */
static bool is_the_pipe(int fd)
{
  struct stat pipe;
  struct stat status;

  return !events_path[0] || stat(events_path, &pipe) ||
    (!fstat(fd, &status) && status.st_dev == pipe.st_dev &&
     status.st_ino == pipe.st_ino);
}

/* Opens the pipe again, with a number that the host does not expect. It is
   close-on-exec: a program that the host executes opens the pipe itself. */
static bool open_path(void)
{
  struct stat status;
  int first;
  int fd;

  if(!events_path[0] || __atomic_sub_fetch(&tries, 1, __ATOMIC_RELAXED) < 0)
    return false;
  first = open(events_path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if(first < 0)
    return false;
  fd = fcntl(first, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
  if(fd < 0)
    fd = first;
  else
    syscall(SYS_close, first);
  if(!fstat(fd, &status) && S_ISFIFO(status.st_mode) &&
     !fcntl(fd, F_SETFL, 0) && take_fd(fd))
    return true;
  syscall(SYS_close, fd);
  return false;
}

__attribute__((constructor)) static void events_open(void)
{
  const char *path = getenv("PIPELAB_EVENTS_PATH");
  int fd = fd_from_environment();
  int saved_errno = errno;

  if(path && strlen(path) < sizeof(events_path))
    strcpy(events_path, path);
  if(!is_the_pipe(fd) || !take_fd(fd))
    open_path();
  errno = saved_errno;
}

static bool is_ours(void)
{
  struct stat status;

  return !fstat(events_fd, &status) && status.st_dev == events_device &&
    status.st_ino == events_inode;
}

/* Whether there is a pipe to write to. Opens it again if the host has closed
   it, as daemons and programs that start others do. */
static bool still_ours(void)
{
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  bool ours = is_ours();

  if(ours)
    return true;
  pthread_mutex_lock(&mutex);
  ours = is_ours() || open_path();
  pthread_mutex_unlock(&mutex);
  return ours;
}

static bool sigpipe_pending(void)
{
  sigset_t pending;

  return !sigpending(&pending) && sigismember(&pending, SIGPIPE) == 1;
}

/* Writes a line without our own write() hook and without a SIGPIPE for the
   host: the signal is blocked meanwhile, and removed if this write raised it.
   (On Linux sigprocmask() means the calling thread. pthread_sigmask() was in a
   library of its own before glibc 2.32, which the host may not load.) */
static bool write_line(const char *line, size_t len)
{
  const struct timespec at_once = { 0, 0 };
  sigset_t sigpipe;
  sigset_t before;
  bool was_pending;
  long written;
  int error;

  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  if(sigprocmask(SIG_BLOCK, &sigpipe, &before))
    return false;
  was_pending = sigpipe_pending();

  do
    written = syscall(SYS_write, events_fd, line, len);
  while(written < 0 && errno == EINTR);
  error = written < 0 ? errno : 0;

  if(error == EPIPE) {
    __atomic_store_n(&reader_gone, true, __ATOMIC_RELAXED);
    if(!was_pending)
      while(sigtimedwait(&sigpipe, NULL, &at_once) < 0 && errno == EINTR)
        ;
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
  return written == (long)len;
}

static long long nanoseconds_now(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Reports how many lines were lost, as soon as there is room for it. */
static void write_dropped(void)
{
  char line[LINE_SIZE];
  unsigned long count = __atomic_exchange_n(&dropped, 0, __ATOMIC_RELAXED);
  int len;

  if(!count)
    return;
  len = snprintf(line, sizeof(line),
                 "{\"t\":%lld,\"call\":\"dropped\",\"count\":%lu}\n",
                 nanoseconds_now(), count);
  if(!write_line(line, (size_t)len))
    __atomic_fetch_add(&dropped, count, __ATOMIC_RELAXED);
}

__attribute__((destructor)) static void events_close(void)
{
  int saved_errno = errno;

  if(events_enabled() && still_ours())
    write_dropped();
  errno = saved_errno;
}

/* A line under construction. What does not fit is omitted, and full is set so
   that an incomplete line is never written. */
struct line {
  char text[LINE_SIZE];
  size_t len;
  bool full;
};

__attribute__((format(printf, 2, 3)))
static void line_add(struct line *line, const char *format, ...)
{
  size_t room = sizeof(line->text) - line->len;
  va_list arguments;
  int added;

  va_start(arguments, format);
  added = vsnprintf(line->text + line->len, room, format, arguments);
  va_end(arguments);
  if(added < 0 || (size_t)added >= room)
    line->full = true;
  else
    line->len += (size_t)added;
}

static void line_write(const struct line *line)
{
  if(line->full)
    return;
  write_dropped();
  if(!write_line(line->text, line->len))
    __atomic_fetch_add(&dropped, 1, __ATOMIC_RELAXED);
}

/* Adds the host's address of the connection, if the socket has one. The number
   of a socket is not enough: it is reused, and the program may not have opened
   and closed it through libc. */
static void line_add_local(struct line *line, int fd)
{
  struct sockaddr_storage address;
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
  socklen_t size = sizeof(address);
  char text[INET6_ADDRSTRLEN];

  memset(&address, 0, sizeof(address));
  if(fd < 0 || getsockname(fd, (struct sockaddr *)&address, &size))
    return;
  if(address.ss_family == AF_INET && v4->sin_port &&
     inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text)))
    line_add(line, ",\"local\":\"%s:%d\"", text, ntohs(v4->sin_port));
  else if(address.ss_family == AF_INET6 && v6->sin6_port) {
    if(IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) &&
       inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, sizeof(text)))
      line_add(line, ",\"local\":\"%s:%d\"", text, ntohs(v6->sin6_port));
    else if(inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text)))
      line_add(line, ",\"local\":\"[%s]:%d\"", text,
               ntohs(v6->sin6_port));
  }
}

void event_write(const struct event *event)
{
  struct line line = { .len = 0 };

  if(!events_enabled() || !still_ours())
    return;

  line_add(&line, "{\"t\":%lld,\"call\":\"%s\"", nanoseconds_now(),
           event->call);
  if(event->ssl)
    line_add(&line, ",\"ssl\":\"%ld-%" PRIu64 "\"", event->ssl->process,
             event->ssl->since);
  line_add(&line, ",\"fd\":%d", event->fd);
  line_add_local(&line, event->fd);
  if(event->buf)
    line_add(&line, ",\"buf\":\"0x%" PRIxPTR "\"", (uintptr_t)event->buf);
  if(event->len)
    line_add(&line, ",\"len\":%zu", *event->len);
  if(event->buf)
    line_add(&line, ",\"hash\":\"%016" PRIx64 "\"", event->hash);
  if(event->same)
    line_add(&line, ",\"same\":%zu", *event->same);
  if(event->mode)
    line_add(&line, ",\"mode\":%ld", *event->mode);
  if(event->blocking)
    line_add(&line, ",\"blocking\":true");
  if(event->handshake)
    line_add(&line, ",\"handshake\":true");
  if(event->moved)
    line_add(&line, ",\"moved\":%zu", *event->moved);
  if(event->unread)
    line_add(&line, ",\"unread\":%zu", *event->unread);
  line_add(&line, ",\"ret\":%ld,\"error\":\"%s\"}\n", event->ret,
           event->error);
  line_write(&line);
}

void event_write_version(const char *version)
{
  struct line line = { .len = 0 };

  if(!events_enabled() || !still_ours())
    return;

  line_add(&line, "{\"t\":%lld,\"call\":\"version\",\"version\":\"%s\"}\n",
           nanoseconds_now(), version);
  line_write(&line);
}
