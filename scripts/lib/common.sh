# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# Ground floor of every script: where things are, how to speak, how to stop.
#
# A script sets `me` to its own name and sources this file first. Results go
# to stdout, everything meant for people to stderr. Exit code 2 is a command
# line that cannot be understood, 1 is anything else that went wrong.

# The checkout, whatever the current directory is.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# The one folder outside the checkout that the scripts write to.
cache=${CURLPIPE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/curlpipe}
[[ $cache == /* ]] || cache=$PWD/$cache

# Paths to delete when the script ends, for whatever reason.
scratch_paths=()

say() { printf '%s: %s\n' "$me" "$*" >&2; }

# die MESSAGE... - one line that says what is wrong and what to do; exit 1.
die() {
  say "$*"
  exit 1
}

# usage_error MESSAGE... - the same for an invalid command line; exit 2.
usage_error() {
  say "$* (see $me --help)"
  exit 2
}

# value_of OPTION COUNT - stops when OPTION is the last of COUNT arguments.
value_of() {
  (($2 >= 2)) || usage_error "$1 needs a value"
}

# print_help - the comment block at the head of the calling script.
print_help() {
  sed -n '3,/^[^#]/{s/^# \{0,1\}//p}' "$0"
}

# need COMMAND... - stops unless every command can be found.
need() {
  local command missing=()
  for command; do
    command -v "$command" >/dev/null || missing+=("$command")
  done
  ((${#missing[@]} == 0)) ||
    die "not found: ${missing[*]}; run scripts/setup first"
}

# absolute PATH - PATH as seen from the caller's directory, links resolved.
absolute() { realpath -m -- "$1"; }

remove_scratch() {
  ((${#scratch_paths[@]} == 0)) || rm -rf -- "${scratch_paths[@]}"
}
trap remove_scratch EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# open_cache - makes the cache folder and its standing parts.
open_cache() {
  mkdir -p -- "$cache"/{sources,libcurl/by-name,logs,locks,tmp} 2>/dev/null ||
    true
  [[ -w $cache/tmp ]] ||
    die "cannot write the cache folder $cache; set CURLPIPE_CACHE to a" \
      "folder that you may write"
}

# scratch NAME - sets scratch_dir to an empty folder with this name in the
# cache. The caller must hold the lock with the same name, so anything in the
# folder was left by a script that was killed, and is deleted.
scratch() {
  scratch_dir=$cache/tmp/$1
  scratch_paths+=("$scratch_dir")
  rm -rf -- "$scratch_dir"
  mkdir -- "$scratch_dir"
}

# lock NAME - waits until no other script holds NAME, and holds it until the
# script ends.
lock() {
  local descriptor
  exec {descriptor}>"$cache/locks/$1"
  if ! flock -n "$descriptor"; then
    say "waiting for another run that builds the same thing"
    flock "$descriptor"
  fi
}

# logged WHAT COMMAND... - runs COMMAND with its output in $log, or dies
# naming the log and the reason.
logged() {
  local what=$1 reason begin
  shift
  begin=$(($(wc -c <"$log") + 1))
  printf '\n$ %s\n' "$*" >>"$log"
  "$@" >>"$log" 2>&1 || {
    reason=$(tail -c "+$begin" "$log" | first_error | cut -c 1-240)
    die "$what failed${reason:+ ($reason)}; log: $log${hint:+; $hint}"
  }
}

# first_error - the first line on standard input that a compiler, a linker,
# configure or cmake marks as an error, otherwise the last line.
first_error() {
  awk '
    /(^|: )(fatal error|error): |^CMake Error|: undefined reference to |: cannot find -l/ {
      print; found = 1; exit
    }
    NF { last = $0 }
    END { if(!found) print last }'
}
