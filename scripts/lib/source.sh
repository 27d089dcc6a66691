# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# Where the source of a libcurl comes from. A script hands --source, --version,
# --ref and --archive to source_option, then calls choose_source, which sets
#   source_origin   one line for people
#   source_sha256   what the source is, in terms of the build key
#   source_name     what by-name/ appends for it: "" for the default source,
#                   "-X.Y.Z" for an official release, "none" for all others
# and one of
#   source_dir      a tree that is not to be changed
#   source_archive  an archive to unpack
#   source_clone, source_commit   a clone of curl's repository, and
#   source_release  the release that the commit is, if its tag is asked for
#   vendor_kind     a source package of a vendor, see vendor.sh
# copy_source makes a tree of it to build in.

source=
version=
ref=
archive=
source_dir=
source_archive=
source_clone=
source_commit=
source_release=
source_name=none
vendor_kind=

# source_option OPTION COUNT VALUE - one of the options that say which source.
source_option() {
  value_of "$1" "$2"
  case $1 in
    --source)
      source=$3
      [[ -n $source ]] || usage_error "--source needs a folder or an archive"
      ;;
    --version)
      version=$3
      [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] ||
        usage_error "--version is of the form 7.47.1, not $version"
      ;;
    --ref)
      ref=$3
      [[ -n $ref && $ref != -* ]] ||
        usage_error "--ref needs a branch, a tag or a commit"
      ;;
    --archive)
      archive=$3
      [[ -n $archive ]] || usage_error "--archive needs an archive or a clone"
      ;;
  esac
}

# check_source_options - call it once all options are read.
check_source_options() {
  [[ -z $ref || -z $version ]] ||
    usage_error "--ref and --version exclude each other"
  [[ -z $ref || -n $source ]] ||
    usage_error "--ref goes with a --source that is a clone"
  [[ -z $archive || -n $source ]] ||
    usage_error "--archive goes with a --source that is an RPM source tree"
}

# choose_source - the one that the options name.
choose_source() {
  if [[ -n $source ]]; then
    local_source "$source"
  elif [[ -n $version ]]; then
    release_source "$version"
  else
    default_source
  fi
}

# release_hash VERSION - the pinned hash of an official archive, or nothing.
release_hash() {
  awk -F '\t' -v version="$1" '$1 == version { print $2 }' \
    "$root/scripts/data/curl-releases.tsv"
}

# default_source - libcurl 7.53.1 as Debian carries it.
default_source() {
  find_pinned_tree || fetch_pinned_tree
  source_name=
}

# release_source VERSION - an official release, from the cache or downloaded.
release_source() {
  local version=$1 file url hash
  file=curl-$version.tar.bz2
  hash=$(release_hash "$version")
  [[ -n $hash ]] || usage_error "no release $version is known; known are" \
    "$(known_releases), and --source takes any other tree or archive"
  source_archive=$cache/sources/$file
  source_sha256=$hash
  source_origin="official archive $file"
  source_name=-$version
  ! is_release "$source_archive" "$version" || return 0

  url=https://curl.se/download/$file
  lock "sources-$file"
  ! is_release "$source_archive" "$version" || return 0
  [[ ! -e $source_archive ]] ||
    say "$source_archive is not what was fetched: fetching it again"
  say "fetching $url (3 to 4 MB)"
  scratch "source-$file"
  log=$cache/logs/source-$file.log
  download "$url" "$scratch_dir/$file" >"$log" 2>&1 ||
    die "cannot download $url ($(tail -n 1 "$log" | cut -c 1-240));" \
      "fetch $file by hand and pass it with --source"
  check_release "$scratch_dir/$file" "$version"
  mv -T -- "$scratch_dir/$file" "$source_archive"
}

known_releases() {
  local table=$root/scripts/data/curl-releases.tsv
  printf '%s to %s\n' "$(grep -v '^#' "$table" | head -n 1 | cut -f 1)" \
    "$(tail -n 1 "$table" | cut -f 1)"
}

# download URL FILE - with whichever of the usual tools is there.
download() {
  if command -v curl >/dev/null; then
    curl -fsSL --connect-timeout 20 -o "$2" -- "$1"
  elif command -v wget >/dev/null; then
    wget -nv --tries=2 --connect-timeout=20 -O "$2" -- "$1"
  else
    echo "neither curl nor wget is installed"
    return 1
  fi
}

# is_release FILE VERSION - whether FILE is there, and is that release.
is_release() {
  [[ -f $1 && $(file_hash "$1") == "$(release_hash "$2")" ]]
}

# check_release FILE VERSION - dies unless FILE is that release.
check_release() {
  local expected actual
  expected=$(release_hash "$2")
  actual=$(file_hash "$1")
  [[ $actual == "$expected" ]] ||
    die "$(basename -- "$1") is not the official release: SHA-256 $actual," \
      "expected $expected; fetch it again, or rename it to use it as it is"
}

# local_source PATH - a tree, an archive, a clone or a source package of the
# user's own.
local_source() {
  local path
  path=$(absolute "$1")
  [[ -e $path ]] || die "--source $1: no such file or folder"
  [[ -r $path ]] || die "--source $1: may not be read"
  if [[ -n $ref || -n $version ]]; then
    clone_source "$path"
    return
  fi
  vendor_source "$path" || plain_source "$path"
  [[ -z $archive || $vendor_kind == rpm ]] ||
    usage_error "--archive goes with a --source that is an RPM source tree"
}

# clone_git ARGUMENT... - git in a clone, whoever its owner is.
clone_git() { git -c safe.directory='*' "$@"; }

# clone_source PATH - what a clone of curl's repository has under --version or
# --ref. The clone is not touched.
clone_source() {
  local path=$1 name=${ref:-curl-${version//./_}}
  need git
  clone_git -C "$path" rev-parse --git-dir >/dev/null 2>&1 ||
    usage_error "--version and --ref need a clone of curl's repository, and $path is none"
  source_commit=$(clone_git -C "$path" rev-parse --verify --quiet \
    --end-of-options "$name^{commit}") ||
    die "the clone $path has no $name; git -C $path fetch --tags gets what" \
      "its origin has"
  source_clone=$path
  source_sha256=$(clone_git -C "$path" archive "$source_commit" | text_hash)
  source_origin="clone $path, $name (commit ${source_commit:0:12})"
  if [[ $name =~ ^curl-([0-9]+)_([0-9]+)_([0-9]+)$ ]]; then
    source_release=${BASH_REMATCH[1]}.${BASH_REMATCH[2]}.${BASH_REMATCH[3]}
    clone_git -C "$path" show "$source_commit:include/curl/curlver.h" 2>&1 |
      grep "^#define LIBCURL_VERSION \"$source_release\\b" >/dev/null ||
      source_sha256=$(text_hash <<<"$source_sha256 $source_release")
  fi
  [[ -z $version ]] || source_name=-$version
}

# plain_source PATH - a tree or an archive of libcurl as it is.
plain_source() {
  local path=$1 release
  if [[ -d $path ]]; then
    [[ -f $path/include/curl/curlver.h ]] || die "--source $source: not a" \
      "libcurl tree (no include/curl/curlver.h in it); of a bare clone," \
      "--version or --ref says what to take"
    source_dir=$path
    source_origin="folder $path"
    source_sha256=$(tree_hash "$path")
    return
  fi

  if [[ ${path##*/} =~ ^0ad_.*\.orig\.tar\.[a-z0-9]+$ ]]; then
    seed_default_source "$path"
    return
  fi
  source_archive=$path
  source_origin="archive ${path##*/}"
  source_sha256=$(file_hash "$path")
  if [[ ${path##*/} =~ ^curl-([0-9.]+)\.tar\.bz2$ ]]; then
    release=${BASH_REMATCH[1]}
    [[ -n $(release_hash "$release") ]] || return 0
    check_release "$path" "$release"
    source_origin="official archive ${path##*/}"
    source_name=-$release
  fi
}

# seed_default_source ARCHIVE - Debian's source archive, copied to a machine
# that cannot download it. From now on it is the default source there.
seed_default_source() {
  if ! find_pinned_tree; then
    lock sources-0ad
    scratch source-0ad
    log=$cache/logs/source-0ad.log
    : >"$log"
    say "unpacking libcurl from ${1##*/}"
    { unpack_pinned "$1" "$scratch_dir/tree" &&
      keep_pinned_tree "$scratch_dir/tree" && find_pinned_tree; } ||
      die "--source $1: no libcurl with a pinned hash in it; use the" \
        ".orig.tar of a package in scripts/data/debian-sources.tsv"
  fi
  source_name=
}

# copy_source DIR - the source as a tree to build in, with its vendor's patches.
copy_source() {
  if [[ -n $vendor_kind ]]; then
    copy_vendor "$1"
  else
    copy_plain "$1"
  fi
}

# copy_plain DIR
copy_plain() {
  if [[ -n $source_clone ]]; then
    mkdir -- "$1"
    clone_git -C "$source_clone" archive "$source_commit" | tar -C "$1" -xf - ||
      die "cannot extract $source_commit from $source_clone"
    [[ -f $1/include/curl/curlver.h ]] ||
      die "$source_origin: no libcurl (no include/curl/curlver.h in it)"
    [[ -z $source_release ]] || name_release "$1" "$source_release"
  elif [[ -n $source_dir ]]; then
    mkdir -- "$1"
    tar -C "$source_dir" --exclude=./.git -cf - . | tar -C "$1" -xf - ||
      die "cannot copy $source_dir"
  else
    unpack_curl "$source_archive" "$1" ||
      die "$source_archive: cannot be unpacked, or there is no libcurl in" \
        "it (no include/curl/curlver.h); log: $log"
  fi
}

# name_release TREE X.Y.Z - has the tree of a tag say which release it is, as
# curl's maketgz does: some were tagged when they still went by another number.
name_release() {
  local major minor patch
  IFS=. read -r major minor patch <<<"$2"
  sed -i -E \
    -e "s/^(#define LIBCURL_VERSION ).*/\1\"$2\"/" \
    -e "s/^(#define LIBCURL_VERSION_MAJOR ).*/\1$major/" \
    -e "s/^(#define LIBCURL_VERSION_MINOR ).*/\1$minor/" \
    -e "s/^(#define LIBCURL_VERSION_PATCH ).*/\1$patch/" \
    -e "s/^(#define LIBCURL_VERSION_NUM ).*/\1$(printf '0x%02x%02x%02x' \
      "$major" "$minor" "$patch")/" \
    -- "$1/include/curl/curlver.h"
}

# source_label - what is being built, for people.
source_label() {
  echo "libcurl${number:+ $number} ($source_origin)"
}
