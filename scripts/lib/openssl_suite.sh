# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# The OpenSSL that a Debian suite serves, as the suite's users have it: its own
# binary packages, unpacked into a prefix.
#
# A newer suite's library wants a newer libc than this machine may have. Then
# the suite's libc comes along, with its loader, through which a program has to
# be started; programs that were linked to an older libc run with a newer one.
#
# This file is part of the build key: change it and everything is made anew.

# suite_sources SUITE - lines for a sources.list: the suite, and the updates to
# it, on the mirrors that this machine uses for Debian.
suite_sources() {
  local suite=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [[ -r $keyring ]] || keyring=-
  machine_targets | awk -F '\t' -v suite="$suite" -v keyring="$keyring" '
    function line(release) {
      key = ($5 == "-") ? keyring : $5
      print "deb " ((key == "-") ? "" : "[signed-by=" key "] ") $1 " " \
        release " main"
    }
    $4 == "Debian" && !debian++ {
      line(suite)
      # What is experimental builds upon what is unstable.
      if(suite == "experimental") line("sid")
    }
    $4 == "Debian-Security" && suite !~ /^(sid|experimental)$/ &&
      !security++ { line(suite "-security") }'
}

# machine_targets - apt_targets, also on a machine whose package lists were
# removed.
machine_targets() {
  local targets
  targets=$(apt_targets)
  if [[ -z $targets ]]; then
    private_apt "$scratch_dir/targets" apt-get update >>"$log" 2>&1 || true
    targets=$(apt_targets -o "Dir::State::lists=$scratch_dir/targets/lists")
  fi
  printf '%s\n' "$targets"
}

# suite_apt COMMAND... - apt that knows the suite and nothing else: what is
# installed on this machine counts for nothing.
suite_apt() {
  local tool=$1
  shift
  private_apt "$scratch_dir/apt" "$tool" \
    -o "Dir::State::status=$scratch_dir/apt/status" "$@"
}

# read_suite SUITE - reads the suite's package lists.
read_suite() {
  local suite=$1 sources=$scratch_dir/apt/sources.list
  mkdir -p -- "$scratch_dir/apt"
  : >"$scratch_dir/apt/status"
  suite_sources "$suite" >"$sources"
  [[ -s $sources ]] ||
    die "apt is set up with no mirror of Debian on this machine, so suite" \
      "$suite cannot be reached; use --version or --source"
  suite_apt apt-get update >>"$log" 2>&1 && return 0
  # Not every suite has security updates of its own, nor does every mirror.
  sed -i '/-security /d' "$sources"
  suite_apt apt-get update >>"$log" 2>&1 ||
    die "suite $suite is not served ($(suite_reason)); log: $log"
}

suite_reason() {
  { grep -E '^(E|W): ' "$log" || echo "apt gave no reason"; } |
    tail -n 1 | cut -c 1-200
}

# suite_versions SUITE - the versions of libssl-dev there, newest first.
suite_versions() {
  suite_apt apt-cache madison libssl-dev 2>>"$log" |
    awk -F ' *[|] *' -v suite="$1" '
      $3 ~ (" " suite "(-security)?/main ") { print $2 }'
}

# fetch_suite SUITE - the newest packages that the suite lists and really
# serves, into $scratch_dir/packages. Sets package_version and runtime.
fetch_suite() {
  local suite=$1 packages=$scratch_dir/packages
  for package_version in $(suite_versions "$suite"); do
    runtime=$(suite_apt apt-cache show "libssl-dev=$package_version" 2>>"$log" |
      sed -nE 's/^Depends:.*\b(libssl[0-9][^ ,]*) .*/\1/p' | head -n 1)
    rm -rf -- "$packages"
    mkdir -- "$packages"
    (cd -- "$packages" && suite_apt apt-get download \
      "libssl-dev=$package_version" "$runtime=$package_version") \
      >>"$log" 2>&1 && return 0
    say "suite $suite lists OpenSSL $package_version but does not serve it"
  done
  die "suite $suite serves no libssl-dev ($(suite_reason)); log: $log"
}

# unpack_suite INTO - the packages as a prefix.
unpack_suite() {
  local into=$1 packages=$scratch_dir/packages files=$scratch_dir/files archive
  for archive in "$packages"/*.deb; do
    dpkg-deb -x "$archive" "$files"
  done
  mkdir -p -- "$into"/{include/openssl,lib/pkgconfig}
  # The headers that differ between architectures have a folder of their own.
  find "$files/usr/include" -path '*/openssl/*.h' \
    -exec cp -t "$into/include/openssl" -- {} +
  find "$files" \( -name 'libssl.so*' -o -name 'libcrypto.so*' \) \
    -exec cp -P -t "$into/lib" -- {} +
  find "$files" -name '*.pc' -exec cp -t "$into/lib/pkgconfig" -- {} +
  # shellcheck disable=SC2016 # pkg-config fills these in
  sed -i -E -e 's|^prefix=.*|prefix=${pcfiledir}/../..|' \
    -e 's|^libdir=.*|libdir=${prefix}/lib|' \
    -e 's|^includedir=.*|includedir=${prefix}/include|' \
    "$into"/lib/pkgconfig/*.pc
}

# loads PREFIX [LOADER] - whether everything that libssl there needs is found,
# in the versions that it needs; says in the log what is not.
loads() {
  local prefix=$1 loader=${2:-} output
  if [[ -n $loader ]]; then
    output=$("$loader" --library-path "$prefix/libc:$prefix/lib" --list \
      "$prefix"/lib/libssl.so 2>&1) || true
  else
    output=$(LC_ALL=C LD_LIBRARY_PATH=$prefix/lib ldd \
      "$prefix"/lib/libssl.so 2>&1) || true
  fi
  printf '%s\n' "$output" >>"$log"
  [[ $output == *libcrypto.so* && $output != *"not found"* ]]
}

# add_libc INTO - the suite's own libc, in INTO/libc. Sets loader, relative to
# the prefix.
add_libc() {
  local into=$1 packages=$scratch_dir/packages files=$scratch_dir/libc
  (cd -- "$packages" && suite_apt apt-get download libc6) >>"$log" 2>&1 ||
    die "OpenSSL $package_version needs a newer libc than this machine has," \
      "and the suite does not serve its own ($(suite_reason)); log: $log"
  dpkg-deb -x "$packages"/libc6_*.deb "$files"
  mkdir -- "$into/libc"
  # Since 2.34 every file of it bears the name that it is looked for by. The
  # links beside them may lead to this machine's own.
  find "$files" -name '*.so*' -type f ! -path '*/gconv/*' ! -path '*/audit/*' \
    -exec cp -t "$into/libc" -- {} +
  loader=$(find "$into/libc" -name 'ld-linux*.so.*' -printf 'libc/%f\n' -quit)
  [[ -n $loader ]] || die "no loader found in $(ls "$packages"); log: $log"
  chmod +x -- "$into/$loader"
}

# package_list - what is in $scratch_dir/packages, one "name version sha256" a
# line.
package_list() {
  local archive
  for archive in "$scratch_dir"/packages/*.deb; do
    # shellcheck disable=SC2016 # dpkg-deb fills these in
    printf '%s %s\n' \
      "$(dpkg-deb -W --showformat '${Package} ${Version}' "$archive")" \
      "$(file_hash "$archive")"
  done
}
