#include "client.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_UNIMPLEMENTED = 3 };

static double *latencies; /* seconds */
static int done;
static long long allocations;
static double began;
static double cpu_at_start;

void client_fail(const char *format, ...)
{
  va_list list;

  va_start(list, format);
  vfprintf(stderr, format, list);
  va_end(list);
  fputc('\n', stderr);
  exit(EXIT_FAILED);
}

void client_cannot(const char *what)
{
  fprintf(stderr, "not implemented: %s\n", what);
  exit(EXIT_UNIMPLEMENTED);
}

static int positive(const char *text)
{
  char *end;
  long number = strtol(text, &end, 10);

  if(*end || number < 1 || number > 1000000000) {
    fprintf(stderr, "%s is not a number of at least 1\n", text);
    exit(EXIT_USAGE);
  }
  return (int)number;
}

void client_parse(struct arguments *arguments, int count, char **words)
{
  static const struct option options[] = {
    { "url", required_argument, NULL, 'u' },
    { "ca", required_argument, NULL, 'c' },
    { "depth", required_argument, NULL, 'd' },
    { "requests", required_argument, NULL, 'n' },
    { "warmup", required_argument, NULL, 'w' },
    { "body", required_argument, NULL, 'b' },
    { "http", required_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 }
  };
  int option;

  *arguments = (struct arguments) {
    .ca_file = "", .depth = 1, .requests = 1, .warmup = 1, .body = 12,
    .http = 1
  };
  while((option = getopt_long(count, words, "", options, NULL)) != -1) {
    switch(option) {
    case 'u':
      arguments->url = optarg;
      break;
    case 'c':
      arguments->ca_file = optarg;
      break;
    case 'd':
      arguments->depth = positive(optarg);
      break;
    case 'n':
      arguments->requests = positive(optarg);
      break;
    case 'w':
      arguments->warmup = positive(optarg);
      break;
    case 'b':
      arguments->body = (size_t)positive(optarg);
      break;
    case 'h':
      arguments->http = positive(optarg);
      break;
    default:
      exit(EXIT_USAGE);
    }
  }
  if(!arguments->url || optind < count) {
    fputs("--url is needed, and no argument other than options\n", stderr);
    exit(EXIT_USAGE);
  }
}

double client_now(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_time(void)
{
  struct rusage usage;

  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int client_is_body(const struct arguments *arguments, const char *bytes,
                   size_t offset, size_t size)
{
  static char *expected;
  size_t i;

  if(!expected) {
    expected = malloc(arguments->body);
    if(!expected)
      client_fail("out of memory");
    for(i = 0; i < arguments->body; i++)
      expected[i] = (char)('a' + i % 26);
    expected[arguments->body - 1] = '\n';
  }
  return offset + size <= arguments->body &&
    !memcmp(bytes, expected + offset, size);
}

void client_start(const struct arguments *arguments)
{
  latencies = malloc((size_t)arguments->requests * sizeof(*latencies));
  if(!latencies)
    client_fail("out of memory");
  done = 0;
  allocations = 0;
  cpu_at_start = cpu_time();
  began = client_now();
}

void client_done(double seconds)
{
  if(latencies)
    latencies[done++] = seconds;
}

static int compare(const void *left, const void *right)
{
  double a = *(const double *)left;
  double b = *(const double *)right;

  return (a > b) - (a < b);
}

static double percentile_ms(int percent)
{
  return latencies[((long long)done * percent + 99) / 100 - 1] * 1e3;
}

/* The peak memory of the process; ru_maxrss may include its parent's. */
static long long peak_memory(void)
{
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  long long kilobytes = 0;

  while(file && fgets(line, sizeof(line), file))
    if(sscanf(line, "VmHWM: %lld", &kilobytes) == 1)
      break;
  if(file)
    fclose(file);
  return kilobytes * 1024;
}

void client_print(const char *library)
{
  double seconds = client_now() - began;
  double cpu = cpu_time() - cpu_at_start;
  long long allocated = allocations;

  qsort(latencies, (size_t)done, sizeof(*latencies), compare);
  printf("{\"requests\":%d,\"verified\":%d,\"seconds\":%.9f,"
         "\"cpu_seconds\":%.9f,\"p50_ms\":%.6f,\"p99_ms\":%.6f,"
         "\"allocations\":%lld,\"peak_memory_bytes\":%lld,"
         "\"library\":\"%s\"}\n", done, done, seconds, cpu,
         percentile_ms(50), percentile_ms(99), allocated, peak_memory(),
         library);
}

void *client_malloc(size_t size)
{
  allocations++;
  return malloc(size);
}

void *client_calloc(size_t count, size_t size)
{
  allocations++;
  return calloc(count, size);
}

void *client_realloc(void *old, size_t size)
{
  allocations++;
  return realloc(old, size);
}

char *client_strdup(const char *text)
{
  allocations++;
  return strdup(text);
}
