/*
 * c-fleet: thousands of clients, each with one connection and its pipeline.
 *
 *   c-fleet URL CA TLS FIRST CLIENTS REQUESTS DEPTH PADDING STALL
 *
 * TLS is 1.2 or 1.3. If none of a client's requests in flight has ended for
 * STALL seconds, it gives them up and continues with the next ones. A line of
 * JSON on standard output says what became of the requests. Exits with 0
 * even if they failed, and with 1 if there is nothing to say.
 */

#include "fleet.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Raises the limit of open connections as far as allowed. The default of 1,024
   is meant for programs with select(); this one uses epoll. */
static void raise_descriptors(void)
{
  struct rlimit limit;

  if(!getrlimit(RLIMIT_NOFILE, &limit)) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

/* The value of a line of /proc/self/status, which is in kB, in bytes; 0 if
   there is none. */
static long long memory(const char *name)
{
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  long long kilobytes = 0;

  while(file && fgets(line, sizeof(line), file)) {
    if(!strncmp(line, name, strlen(name)))
      sscanf(line + strlen(name), ": %lld", &kilobytes);
  }
  if(file)
    fclose(file);
  return kilobytes * 1024;
}

static bool number(const char *text, long *value, long least)
{
  char *end;

  *value = strtol(text, &end, 10);
  return *text && !*end && *value >= least;
}

static bool tls_version(const char *text, long *value)
{
  *value = !strcmp(text, "1.2") ? CURL_SSLVERSION_TLSv1_2 :
    CURL_SSLVERSION_TLSv1_3;
  return *value != CURL_SSLVERSION_TLSv1_3 || !strcmp(text, "1.3");
}

static bool parse(int argc, char **argv, struct options *options)
{
  if(argc != 10)
    return false;
  options->url = argv[1];
  options->ca_file = argv[2];
  return tls_version(argv[3], &options->tls)
    && number(argv[4], &options->first, 0)
    && number(argv[5], &options->clients, 1)
    && number(argv[6], &options->requests, 1)
    && number(argv[7], &options->depth, 1)
    && number(argv[8], &options->padding, 0)
    && number(argv[9], &options->stall_seconds, 1);
}

int main(int argc, char **argv)
{
  struct options options;
  struct fleet fleet;
  long long before, idle;

  if(!parse(argc, argv, &options)) {
    fputs("c-fleet: needs URL CA TLS FIRST CLIENTS REQUESTS DEPTH "
          "PADDING STALL\n", stderr);
    return 1;
  }
  raise_descriptors();
  if(curl_global_init(CURL_GLOBAL_ALL)) {
    fputs("c-fleet: curl_global_init failed\n", stderr);
    return 1;
  }
  before = memory("VmRSS");
  if(!fleet_open(&fleet, &options)) {
    fputs("c-fleet: cannot make the clients: out of memory or file "
          "descriptors, or libcurl does not know an option\n", stderr);
    return 1;
  }
  /* each handle makes a request, and has then allocated all that it needs */
  fleet_run(&fleet, options.depth < options.requests ?
            options.depth : options.requests);
  malloc_trim(0); /* do not count free memory */
  idle = memory("VmRSS");
  fleet_run(&fleet, options.requests);
  if(fleet.failed_call) {
    fprintf(stderr, "c-fleet: %s: %s\n", fleet.failed_call,
            fleet.failed_why);
    return 1;
  }
  printf("{\"answered\":%ld,\"wrong\":%ld,\"failed\":%ld,"
         "\"given_up\":%ld,\"blocked_writes\":%ld,\"memory_before_bytes\":%lld,"
         "\"memory_idle_bytes\":%lld,\"memory_peak_bytes\":%lld}\n",
         fleet.answered, fleet.wrong, fleet.failed, fleet.given_up,
         blocked_writes(), before, idle, memory("VmHWM"));
  fleet_close(&fleet);
  curl_global_cleanup();
  return 0;
}
