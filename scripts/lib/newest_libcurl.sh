# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# The newest libcurl that the machine can run: from Debian's suite sid, with
# the OpenSSL, libc and loader of the suite.

# run_with_newest - prints the command that runs a program with it; fails if it
# is not available.
run_with_newest() {
  local openssl prefix loader
  openssl=$("$root/scripts/build-openssl" --suite sid 2>/dev/null) &&
    prefix=$("$root/scripts/fetch-libcurl" --openssl "$openssl" 2>/dev/null) ||
    return 1
  loader=$(openssl_loader "$openssl")
  [[ -n $loader ]] || { # the machine's libc will do
    printf 'env LD_LIBRARY_PATH=%s\n' "$prefix/lib:$openssl/lib"
    return 0
  }
  printf 'env -u LD_LIBRARY_PATH %s --library-path %s\n' "$loader" \
    "$prefix/lib:${loader%/*}:$openssl/lib"
}
