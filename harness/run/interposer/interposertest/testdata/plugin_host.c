/*
 * A program without OpenSSL that loads it late and in a separate scope:
 * plugin_host PLUGIN PORT COMMAND opens tls.c, compiled as a library.
 */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef int client_function(int, const char *);

int main(int argc, char **argv)
{
  void *plugin;
  client_function *client;

  setvbuf(stdout, NULL, _IOLBF, 0);
  if(argc != 4)
    return 2;
  plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  client = plugin ? (client_function *)dlsym(plugin, "tls_client") : NULL;
  if(!client) {
    fprintf(stderr, "plugin_host: %s\n", dlerror());
    return 1;
  }
  return client(atoi(argv[2]), argv[3]);
}
