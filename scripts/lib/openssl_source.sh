# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# An OpenSSL compiled from source: an official release, or a tree or an archive
# of the user's own.
#
# This file is part of the build key: change it and everything is made anew.

# openssl_hash VERSION - the pinned hash of an official archive, or nothing.
openssl_hash() {
  awk -F '\t' -v version="$1" '$1 == version { print $2 }' \
    "$root/scripts/data/openssl-releases.tsv"
}

# openssl_release VERSION - an official release, from the cache or downloaded.
# Sets name, origin, source_path and source_sha256.
openssl_release() {
  local file=openssl-$1.tar.gz url hash
  hash=$(openssl_hash "$1")
  [[ -n $hash ]] || usage_error "no release $1 is known; known are" \
    "$(grep -v '^#' "$root/scripts/data/openssl-releases.tsv" | cut -f 1 |
      paste -sd ' '), and --source takes any other tree or archive"
  name=$1
  origin="official archive $file"
  source_path=$cache/sources/$file
  source_sha256=$hash
  [[ ! -f $source_path ]] || return 0

  # A series has the number of its releases without the letter.
  url=https://www.openssl.org/source/old/${1%[a-z]}/$file
  lock "sources-$file"
  [[ ! -f $source_path ]] || return 0
  say "fetching $url (5 MB)"
  scratch "source-$file"
  log=$cache/logs/source-$file.log
  download "$url" "$scratch_dir/$file" >"$log" 2>&1 ||
    die "cannot download $url ($(tail -n 1 "$log" | cut -c 1-240)); fetch" \
      "$file by hand and pass it with --source, once"
  check_openssl "$scratch_dir/$file" "$1"
  mv -T -- "$scratch_dir/$file" "$source_path"
}

# check_openssl FILE VERSION - dies unless FILE is that release.
check_openssl() {
  local actual
  actual=$(file_hash "$1")
  [[ $actual == "$(openssl_hash "$2")" ]] ||
    die "$(basename -- "$1") is not the official release: SHA-256 $actual," \
      "expected $(openssl_hash "$2"); fetch it again, or rename it to use it" \
      "as it is"
}

# openssl_own PATH - a tree or an archive of the user's own. An official one
# that was brought by hand is from here on found by --version, too.
openssl_own() {
  local path
  path=$(absolute "$1")
  [[ -e $path ]] || die "--source $1: no such file or folder"
  source_path=$path
  origin="source $path"
  if [[ -d $path ]]; then
    [[ -f $path/Configure && -f $path/config ]] ||
      die "--source $1: not an OpenSSL tree (no Configure in it)"
    source_sha256=$(tree_hash "$path")
  else
    source_sha256=$(file_hash "$path")
    if [[ ${path##*/} =~ ^openssl-([0-9.]+[a-z]?)\.tar\.gz$ &&
      -n $(openssl_hash "${BASH_REMATCH[1]}") ]]; then
      name=${BASH_REMATCH[1]}
      check_openssl "$path" "$name"
      cp -- "$path" "$cache/sources/${path##*/}.$$"
      mv -T -- "$cache/sources/${path##*/}.$$" "$cache/sources/${path##*/}"
      openssl_release "$name"
      return
    fi
  fi
  name=own-${source_sha256:0:12}
}

# copy_openssl TREE - the source as a tree of our own, to be built in.
copy_openssl() {
  mkdir -- "$1"
  if [[ -d $source_path ]]; then
    tar -C "$source_path" --exclude=./.git -cf - . | tar -C "$1" -xf - ||
      die "cannot copy $source_path"
  else
    tar -xf "$source_path" -C "$1" --no-same-owner --strip-components=1 \
      2>>"$log" || die "$source_path: cannot be unpacked; log: $log"
    [[ -f $1/Configure ]] ||
      die "$source_path: there is no OpenSSL in it (no Configure)"
  fi
}

# compile_openssl TREE PREFIX INTO - the libraries and headers of TREE as the
# folder INTO, which is to become PREFIX. Nothing else of it is needed.
compile_openssl() {
  local tree=$1 prefix=$2 into=$3 jobs
  jobs=$(nproc)
  # The makefiles of 1.0 do not know all of their own dependencies.
  [[ -f $tree/Configurations/unix-Makefile.tmpl ]] || jobs=1
  (
    cd -- "$tree" || exit 1
    logged "configuring" ./config "--prefix=$prefix" \
      "--openssldir=$prefix/ssl" shared
    logged "compiling" make -j "$jobs" build_libs
  )
  mkdir -p -- "$into"/{include/openssl,lib/pkgconfig}
  cp -L -t "$into/include/openssl" -- "$tree"/include/openssl/*.h
  cp -P -t "$into/lib" -- "$tree"/lib{ssl,crypto}.so*
  write_pc
}

# write_pc - what pkg-config needs; the ones of OpenSSL know one prefix only.
write_pc() {
  local library
  for library in ssl crypto; do
    cat >"$into/lib/pkgconfig/lib$library.pc" <<PC
prefix=\${pcfiledir}/../..
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: lib$library
Description: OpenSSL, $origin
Version: 0
Libs: -L\${libdir} -l$library
Cflags: -I\${includedir}
PC
  done
  sed -e 's/^Name: .*/Name: openssl/' -e '/^Libs: /s/$/ -lcrypto/' \
    "$into/lib/pkgconfig/libssl.pc" >"$into/lib/pkgconfig/openssl.pc"
}
