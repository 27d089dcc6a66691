# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# The libcurl that a Debian suite serves: its own binary packages, with those
# that they need beyond OpenSSL and libc, unpacked into a prefix.
#
# This file is part of the build key: change it and everything is made anew.

# What a prefix has no use for: libc, which is the machine's or comes with the
# OpenSSL, that OpenSSL itself, and what only an installation needs.
libcurl_leaves_out='^(libc6|libgcc-s1|gcc-[0-9]+-base|libssl[0-9].*|.*-provider-.*|debconf|dpkg|tar|perl-base|cdebconf|.*-data|.*-common|openssl|ca-certificates)$'

# fetch_libcurl SUITE - the newest packages that the suite lists and really
# serves, into $scratch_dir/packages. Sets package_version and runtime.
fetch_libcurl() {
  local suite=$1 archives=$scratch_dir/apt/cache/archives
  for package_version in $(libcurl_versions "$suite"); do
    runtime=$(suite_apt apt-cache show \
      "libcurl4-openssl-dev=$package_version" 2>>"$log" |
      sed -nE 's/^Depends:.*\b(libcurl4[^ ,-]*) .*/\1/p' | head -n 1)
    rm -f -- "$archives"/*.deb
    suite_apt apt-get install --download-only --yes --no-install-recommends \
      -o Debug::NoLocking=1 "$runtime=$package_version" \
      >>"$log" 2>&1 || {
      say "suite $suite lists libcurl $package_version but does not serve it"
      continue
    }
    sort_libcurl "$archives"
    return 0
  done
  die "suite $suite serves no libcurl4-openssl-dev ($(suite_reason)); log: $log"
}

# libcurl_versions SUITE - its versions, newest first; for experimental
# also those that it builds upon.
libcurl_versions() {
  local suites=$1
  [[ $1 != experimental ]] || suites="experimental|sid"
  suite_apt apt-cache madison libcurl4-openssl-dev 2>>"$log" |
    awk -F ' *[|] *' -v suite="($suites)" '
      $3 ~ (" " suite "(-security)?/main ") { print $2 }'
}

# sort_libcurl FOLDER - what a prefix has use for goes to $scratch_dir/packages.
sort_libcurl() {
  local archive package
  rm -rf -- "$scratch_dir/packages"
  mkdir -- "$scratch_dir/packages"
  for archive in "$1"/*.deb; do
    # shellcheck disable=SC2016 # dpkg-deb fills this in
    package=$(dpkg-deb -W --showformat '${Package}' "$archive")
    [[ $package =~ $libcurl_leaves_out ]] ||
      mv -t "$scratch_dir/packages" -- "$archive"
  done
}

# unpack_libcurl INTO - the shared libraries of the packages, side by side.
unpack_libcurl() {
  local into=$1 files=$scratch_dir/files archive
  for archive in "$scratch_dir"/packages/*.deb; do
    dpkg-deb -x "$archive" "$files"
  done
  mkdir -p -- "$into/lib"
  find "$files" -regex '.*/lib/[^/]*-linux-[^/]*/lib[^/]*\.so\.[^/]*' \
    ! -name 'libssl.so*' ! -name 'libcrypto.so*' \
    -exec cp -P -t "$into/lib" -- {} +
}

# libcurl_loads PREFIX - whether everything that libcurl there needs is found,
# in the versions that it needs; says in the log what is not.
libcurl_loads() {
  local lib=$1/lib loader libc output
  loader=$(sed -nE 's/^ *"loader" : "([^"]+)".*/\1/p' \
    "$openssl_prefix/manifest.json")
  if [[ -n $loader ]]; then
    loader=$openssl_prefix/$loader
    libc=${loader%/*}
    output=$("$loader" --library-path "$lib:$libc" --list \
      "$lib/libcurl.so.4" 2>&1) || true
  else
    output=$(LC_ALL=C LD_LIBRARY_PATH=$lib ldd "$lib/libcurl.so.4" 2>&1) || true
  fi
  printf '%s\n' "$output" >>"$log"
  [[ $output == *libssl.so* && $output != *"not found"* ]]
}
