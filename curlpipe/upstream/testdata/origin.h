#ifndef ORIGIN_H
#define ORIGIN_H
/*
 * Common parts of the programs in this folder: a server on loopback that
 * serves each connection with a function of the program, in a thread, and
 * HTTP/2 frame by frame, without TLS.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <curl/curl.h>

#define DATA 0x0
#define HEADERS 0x1
#define RESET 0x3
#define SETTINGS 0x4
#define PING 0x6
#define END_STREAM 0x1
#define END_HEADERS 0x4

/* :status 200, from the static table [RFC 7541, appendix A] */
#define STATUS_200 "\x88"

struct frame {
  unsigned length;
  int type;
  int flags;
  unsigned stream;
  unsigned char payload[65536];
};

struct origin {
  int listener;
  int accepted; /* connections */
  void (*serve)(int socket, int number);
  char url[64];
};

/* Accepts a connection, starts a thread for the next one, and serves. */
static void *origin_run(void *argument)
{
  struct origin *origin = argument;
  pthread_t thread;
  int socket = accept(origin->listener, NULL, NULL);
  int number = origin->accepted++;
  if(socket >= 0 && !pthread_create(&thread, NULL, origin_run, origin)) {
    origin->serve(socket, number);
    close(socket);
  }
  return NULL;
}

static void origin_start(struct origin *origin,
                         void (*serve)(int socket, int number))
{
  struct sockaddr_in address = { .sin_family = AF_INET };
  socklen_t length = sizeof(address);
  pthread_t thread;
  origin->listener = socket(AF_INET, SOCK_STREAM, 0);
  origin->serve = serve;
  origin->accepted = 0;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if(bind(origin->listener, (void *)&address, sizeof(address)) ||
     listen(origin->listener, 9) ||
     getsockname(origin->listener, (void *)&address, &length) ||
     pthread_create(&thread, NULL, origin_run, origin)) {
    perror("origin");
    exit(2);
  }
  snprintf(origin->url, sizeof(origin->url), "http://127.0.0.1:%d/",
           ntohs(address.sin_port));
}

static inline void say(int socket, const char *text, size_t length)
{
  while(length) {
    ssize_t sent = send(socket, text, length, MSG_NOSIGNAL);
    if(sent <= 0)
      return;
    text += sent;
    length -= (size_t)sent;
  }
}

static inline int hear(int socket, void *data, size_t length)
{
  return !length || recv(socket, data, length, MSG_WAITALL) == (ssize_t)length;
}

static inline void send_frame(int socket, int type, int flags,
                              unsigned stream, const char *payload,
                              size_t length)
{
  char frame[9 + 1024] = {
    0, (char)(length >> 8), (char)length, (char)type, (char)flags,
    0, 0, (char)(stream >> 8), (char)stream
  };
  memcpy(frame + 9, payload, length);
  say(socket, frame, 9 + length);
}

/* Reads the client's preface and answers it. */
static inline int greet(int socket)
{
  char preface[24];
  send_frame(socket, SETTINGS, 0, 0, "", 0);
  return hear(socket, preface, sizeof(preface));
}

/* Reads the next frame; returns 0 if there is none. */
static inline int read_frame(int socket, struct frame *frame)
{
  unsigned char head[9];
  if(!hear(socket, head, sizeof(head)))
    return 0;
  frame->length = (unsigned)head[0] << 16 | head[1] << 8 | head[2];
  frame->type = head[3];
  frame->flags = head[4];
  frame->stream = (unsigned)head[7] << 8 | head[8];
  return frame->length <= sizeof(frame->payload) &&
         hear(socket, frame->payload, frame->length);
}

/* Reads up to the next request and returns its stream; 0 if there is none. */
static inline unsigned read_request(int socket)
{
  static struct frame frame;
  while(read_frame(socket, &frame)) {
    if(frame.type == HEADERS)
      return frame.stream;
  }
  return 0;
}

static inline double seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static volatile int delivered; /* some of a body was */

/* For a server that continues only after the delivery. */
static inline void wait_for_delivery(void)
{
  while(!delivered)
    usleep(1000);
}

static size_t forget(char *data, size_t size, size_t count, void *user)
{
  delivered = 1;
  (void)data;
  (void)user;
  return size * count;
}

/* Answers a request halfway, and waits until the client has that. Returns the
   stream; 0 if there was no request. */
static inline unsigned answer_half(int socket)
{
  unsigned stream = greet(socket) ? read_request(socket) : 0;
  if(stream) {
    send_frame(socket, HEADERS, END_HEADERS, stream, STATUS_200, 1);
    send_frame(socket, DATA, 0, stream, "half", 4);
    wait_for_delivery();
  }
  return stream;
}

/* Reads until the client closes. */
static inline void drain(int socket)
{
  char rest[4096];
  while(recv(socket, rest, sizeof(rest), 0) > 0)
    ;
}

static inline CURL *request(const struct origin *origin, long version)
{
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  CURL *easy = curl_easy_init();
  if(version != CURL_HTTP_VERSION_1_1 &&
     !(info->features & CURL_VERSION_HTTP2)) {
    printf("%s none: it has no HTTP/2\n", info->version);
    fflush(stdout);
    _exit(0);
  }
  curl_easy_setopt(easy, CURLOPT_URL, origin->url);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, forget);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 20000L);
  return easy;
}

/* Prints what was seen and ends the program: with 1 if the fault was seen. */
static inline int report(int shown, const char *what, ...)
{
  va_list arguments;
  va_start(arguments, what);
  printf("%s %s: ", curl_version_info(CURLVERSION_NOW)->version,
         shown ? "shown" : "right");
  vprintf(what, arguments);
  printf("\n");
  va_end(arguments);
  fflush(stdout);
  _exit(shown); /* this also ends the server's thread */
}

#endif
