# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# Builds and runs curl's own test suite, and reads its results.

# suite_features - the arguments of configure for the libraries of this machine
# that curl's tests want: one line each,.
# curl's tests have no LDAP server, so LDAP is left out.
suite_features() {
  local library option

  printf '%s\n' --enable-debug --disable-static --disable-dependency-tracking \
    --disable-threaded-resolver --disable-ldap \
    --disable-ldaps "--with-ssl${openssl_prefix:+=$openssl_prefix}"
  while read -r library option; do
    if pkg-config --exists "$library"; then
      printf '%s\n' "--with-$option"
    else
      printf '%s\n' "--without-$option"
    fi
  done <<'LIBRARIES'
libnghttp2 nghttp2
zlib zlib
libidn2 libidn2
libpsl libpsl
libssh2 libssh2
librtmp librtmp
krb5-gssapi gssapi
LIBRARIES
}

# build_suite TREE - configures and compiles curl and the programs of its tests
# in the tree. A tree without configure, and one whose list of files the series
# changes, wants the autotools.
build_suite() {
  local tree=$1
  (
    cd -- "$tree" || exit 1
    if [[ ! -f configure || -n $(find . -name '*.inc' -newer configure) ]]; then
      command -v autoreconf >/dev/null && command -v libtoolize >/dev/null ||
        die "the tree needs the autotools: run as root: apt-get install" \
          "autoconf automake libtool, or take a release archive"
      logged "buildconf" ./buildconf
    fi
    export CPPFLAGS="${openssl_compile[*]}" LDFLAGS="${openssl_link[*]}"
    mapfile -t features < <(suite_features)
    logged "configure" ./configure -q "--cache-file=$work/config.cache" \
      "CFLAGS=-g -O0 -w" "${features[@]}"
    logged "compiling" make -s -j "$(nproc)"
    logged "compiling the tests" make -s -C tests -j "$(nproc)" all
  ) || exit 1
  to_python3 "$tree/tests/http_pipe.py"
  chmod +x -- "$tree"/tests/*.p[yl]
}

# to_python3 FILE - makes curl's pipelining server, written for Python 2, run
# under Python 3, where sockets carry bytes.
to_python3() {
  [[ -f $1 ]] || return 0
  sed -i -E \
    -e '1s|^#!.*|#!/usr/bin/env python3|' \
    -e "s/ParseAdditionalData\(new_data\)/ParseAdditionalData(new_data.decode('latin-1'))/" \
    -e "s/(request\.send\(self\._send_buffer\[0:[0-9]+\])\)/\1.encode('latin-1'))/" \
    "$1"
}

# prepare_machine - changes what curl's servers need and a modern machine does
# not allow: TLS with curl's certificates, whose keys are weak by today's
# standards.
prepare_machine() {
  local name program
  mkdir -p -- "$work/bin"
  for name in stunnel4 stunnel; do
    program=$(command -v "$name") || continue
    cat >"$work/bin/$name" <<STUNNEL
#!/bin/sh
for file; do
  [ ! -f "\$file" ] || echo "securityLevel = 0" >>"\$file"
done
exec "$program" "\$@"
STUNNEL
    chmod +x -- "$work/bin/$name"
  done
  cat >"$work/openssl.cnf" <<'CONF'
openssl_conf = settings
[settings]
ssl_conf = tls
[tls]
system_default = defaults
[defaults]
CipherString = DEFAULT:@SECLEVEL=0
CONF
}

# network COMMAND... - runs COMMAND with a loopback interface of its own,
# because curl's servers listen on every interface, at fixed ports. If the
# kernel does not allow that, COMMAND runs without.
network() {
  local unshare=(unshare --net)
  (($(id -u) == 0)) || unshare=(unshare --map-root-user --net)
  if "${unshare[@]}" ip link set lo up 2>/dev/null; then
    # shellcheck disable=SC2016 # the inner shell fills this in
    "${unshare[@]}" sh -c 'ip link set lo up; exec "$@"' sh "$@"
  else
    "$@"
  fi
}

# run_tests VARIANT LOG ARGUMENT... - runs runtests.pl in a build. Its exit code
# does not matter, because the log has the failed tests.
run_tests() {
  local tests=$work/$1/tests out=$2
  shift 2
  (
    cd -- "$tests" || exit 1
    export OPENSSL_CONF=$work/openssl.cnf PATH=$work/bin:$PATH
    export USER=${USER:-$(id -un)}
    network nice perl -I. runtests.pl -a -n -am "$@"
  ) >"$out" 2>&1 || true
}

# read_tests LOG - one line "passed N", "failed N" or "skipped N why" for each
# test in the output of runtests.pl.
read_tests() {
  awk '
    /^PASS: [0-9]+ / { result[$2 + 0] = "passed" }
    /^test +[0-9]+ +SKIPPED: / {
      number = $2 + 0
      sub(/^test +[0-9]+ +SKIPPED: */, "")
      result[number] = "skipped"
      why[number] = $0
    }
    /^TESTFAIL: These test cases failed: / {
      for(i = 6; i <= NF; i++) result[$i + 0] = "failed"
    }
    END {
      for(number in result) print result[number], number, why[number]
    }' "$1" | sort -k 2,2n
}

# with_result RESULT FILE - the numbers of the tests with this result, one a
# line, sorted for join(1).
with_result() { awk -v result="$1" '$1 == result { print $2 }' "$2" | sort; }

# torture_result LOG NUMBER - the finding of runtests.pl -t, as a phrase that
# begins with "clean" if every allocation could fail.
torture_result() {
  awk '
    / allocations to make fail/ { total = $1 }
    /^torture OK/ { clean = 1 }
    /^ Failed on alloc number / { failed = $5 }
    /SKIPPED: / { skipped = $0; sub(/.*SKIPPED: */, "", skipped) }
    { last = $0 }
    END {
      if(failed) print "fails when allocation " failed " of " total " does"
      else if(clean) print "clean, " total " allocations"
      else if(skipped != "") print "n/a: " skipped
      else print "broke off (" last ")"
    }' "$1"
}

# frame_of_tests - prints a folder with the common files of curl's test
# programs. They come from Debian's source package curl, through apt, once, and
# are kept in the cache, because the default source of libcurl has no tests.
frame_of_tests() {
  local kept=$cache/sources/curl-frame line
  if [[ ! -f $kept/tests/libtest/first.c ]]; then
    need apt-get tar
    lock sources-curl
  fi
  if [[ ! -f $kept/tests/libtest/first.c ]]; then
    log=$cache/logs/source-curl.log
    : >"$log"
    say "fetching the frame of curl's tests from Debian's source package" \
      "curl (4 MB)"
    scratch source-curl
    while IFS= read -r line; do
      rm -rf -- "${scratch_dir:?}"/{apt,archive,tree}
      mkdir -p -- "$scratch_dir"/{apt,archive,tree}
      printf '%s\n' "$line" >"$scratch_dir/apt/sources.list"
      fetch_archive "$scratch_dir" curl >/dev/null || continue
      tar -xf "$scratch_dir"/archive/curl_*.orig.tar.* -C "$scratch_dir/tree" \
        --strip-components=1 --no-same-owner --wildcards \
        '*/tests/libtest/*' '*/lib/timediff.[ch]' 2>>"$log" || continue
      rm -rf -- "$kept"
      mv -T -- "$scratch_dir/tree" "$kept"
      break
    done < <(source_lines "$scratch_dir")
    [[ -f $kept/tests/libtest/first.c ]] ||
      die "cannot get Debian's source package curl with apt; log: $log"
  fi
  printf '%s\n' "$kept"
}
