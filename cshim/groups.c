/*
 * groups.c: which groups of the patch series the loaded libcurl has.
 */
#include <curl/curl.h>
#include "cshim.h"

/* The number that patches/README.md documents. A libcurl without the series
   refuses it, and the headers of the build may not have it. */
#define PIPELINE_GROUPS ((CURLINFO)(CURLINFO_LONG + 7640))

long cshim_pipeline_groups(void)
{
  long groups = 0;
  CURL *easy = curl_easy_init();

  /* the parentheses avoid the macro that checks the types of known numbers */
  if(!easy || (curl_easy_getinfo)(easy, PIPELINE_GROUPS, &groups))
    groups = 0;
  curl_easy_cleanup(easy);
  return groups;
}
