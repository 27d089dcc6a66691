/*
 * c-fleet: thousands of clients, each with one connection and its pipeline.
 *
 *   c-fleet URL CA FIRST CLIENTS REQUESTS DEPTH PADDING STALL
 *
 * gives up when for STALL seconds no request has ended. A line of JSON on
 * standard output says what became of the requests. Exits with 0 even if they
 * failed, and with 1 if there is nothing to say.
 */

#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of /proc/self/status that tells kilobytes, in bytes; 0 if it cannot
   be had. */
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

static bool parse(int argc, char **argv, struct options *options)
{
  if(argc != 9)
    return false;
  options->url = argv[1];
  options->ca_file = argv[2];
  return number(argv[3], &options->first, 0)
    && number(argv[4], &options->clients, 1)
    && number(argv[5], &options->requests, 1)
    && number(argv[6], &options->depth, 1)
    && number(argv[7], &options->padding, 0)
    && number(argv[8], &options->stall_seconds, 1);
}

int main(int argc, char **argv)
{
  struct options options;
  struct fleet fleet;
  long long before, idle;

  if(!parse(argc, argv, &options)) {
    fputs("c-fleet: needs URL CA FIRST CLIENTS REQUESTS DEPTH PADDING "
          "STALL\n", stderr);
    return 1;
  }
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
  /* each handle makes one request, so that it has all that it needs */
  fleet_run(&fleet, options.depth < options.requests ?
            options.depth : options.requests);
  idle = memory("VmRSS");
  if(fleet.ended)
    fleet_run(&fleet, options.requests);
  if(fleet.failed_call) {
    fprintf(stderr, "c-fleet: %s: %s\n", fleet.failed_call,
            fleet.failed_why);
    return 1;
  }
  printf("{\"answered\":%ld,\"wrong\":%ld,\"failed\":%ld,"
         "\"blocked_writes\":%ld,\"memory_before_bytes\":%lld,"
         "\"memory_idle_bytes\":%lld,\"memory_peak_bytes\":%lld}\n",
         fleet.answered, fleet.wrong, fleet.failed, blocked_writes(), before,
         idle, memory("VmHWM"));
  fleet_close(&fleet);
  curl_global_cleanup();
  return 0;
}
