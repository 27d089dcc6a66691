/* Prints the version of the libcurl in a file: what its curl_version() says
 * after "libcurl/", up to the first space. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
  static const char name[] = "libcurl/";
  const char *(*curl_version)(void);
  const char *text;
  void *library;

  if(argc != 2) {
    fprintf(stderr, "usage: %s FILE\n", argv[0]);
    return 2;
  }
  library = dlopen(argv[1], RTLD_NOW);
  if(!library) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  *(void **)&curl_version = dlsym(library, "curl_version");
  if(!curl_version) {
    fprintf(stderr, "%s: no curl_version in it\n", argv[1]);
    return 1;
  }
  text = strstr(curl_version(), name);
  if(!text) {
    fprintf(stderr, "%s: no libcurl\n", argv[1]);
    return 1;
  }
  text += strlen(name);
  printf("%.*s\n", (int)strcspn(text, " "), text);
  return 0;
}
