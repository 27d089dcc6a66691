/*
 * 0190, 0290 and so on: a program is told that the library has the group of
 * the patch.
 */
#include "proof.h"

int main(int argc, char **argv)
{
  struct request *r;
  long groups = 0;

  begin(argc, argv);
  r = request("/");
  if(curl_easy_getinfo(r->easy, (CURLINFO)(CURLINFO_LONG + 7640), &groups))
    groups = 0;
  return verdict((groups >> (number / 100 - 1)) & 1, "the bit of the group");
}
