/* see drive.h */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "drive.h"

int drive_by_socket;
int drive_what_for[DRIVE_SOCKETS];
int drive_removals;

static long timer_at = -1;

long drive_now_ms(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (long)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user,
                     void *of_socket)
{
  (void)easy;
  (void)user;
  (void)of_socket;
  drive_removals += what == CURL_POLL_REMOVE;
  drive_what_for[fd] = what == CURL_POLL_REMOVE ? 0 : what;
  return 0;
}

static int on_timer(CURLM *multi, long ms, void *user)
{
  (void)multi;
  (void)user;
  timer_at = ms < 0 ? -1 : drive_now_ms() + ms;
  return 0;
}

void drive_begin(CURLM *multi, int by_socket)
{
  drive_by_socket = by_socket;
  memset(drive_what_for, 0, sizeof(drive_what_for));
  timer_at = -1;
  if(by_socket) {
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  }
}

/* the events of a socket, as curl_multi_socket_action() takes them */
static int events_of(int fd)
{
  struct pollfd p;

  p.fd = fd;
  p.events = (short)(((drive_what_for[fd] & CURL_POLL_IN) ? POLLIN : 0) |
                     ((drive_what_for[fd] & CURL_POLL_OUT) ? POLLOUT : 0));
  if(poll(&p, 1, 0) <= 0)
    return 0;
  return ((p.revents & POLLIN) ? CURL_CSELECT_IN : 0) |
    ((p.revents & POLLOUT) ? CURL_CSELECT_OUT : 0) |
    ((p.revents & (POLLERR|POLLHUP)) ? CURL_CSELECT_ERR : 0);
}

int drive_step(CURLM *multi)
{
  int running, fd, mask;
  int any = 0;

  if(!drive_by_socket) {
    curl_multi_perform(multi, &running);
    return 0;
  }
  for(fd = 0; fd < DRIVE_SOCKETS; fd++) {
    mask = drive_what_for[fd] ? events_of(fd) : 0;
    if(mask) {
      curl_multi_socket_action(multi, fd, mask, &running);
      any = 1;
    }
  }
  if(timer_at >= 0 && drive_now_ms() >= timer_at) {
    timer_at = -1;
    curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  return any;
}

int drive_listen(int buffer, int *port)
{
  struct sockaddr_in name;
  socklen_t size = sizeof(name);
  int listener = socket(AF_INET, SOCK_STREAM, 0);

  memset(&name, 0, sizeof(name));
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if(listener < 0 ||
     (buffer && setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &buffer,
                           sizeof(buffer))) ||
     bind(listener, (struct sockaddr *)&name, size) ||
     listen(listener, 64) ||
     getsockname(listener, (struct sockaddr *)&name, &size) ||
     fcntl(listener, F_SETFL, O_NONBLOCK))
    return -1;
  *port = ntohs(name.sin_port);
  return listener;
}
