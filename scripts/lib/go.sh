# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# The Go toolchain, and the rule that it keeps to the cache folder.
#
# Modules, build results and the toolchain itself, where one has to be
# fetched, stay below $cache/go. The user's own settings (go env -w, proxies)
# are honoured.

# go_wanted - the version that go.work asks for, for example 1.26.8.
go_wanted() {
  local version
  version=$(awk '$1 == "go" { print $2; exit }' "$root/go.work")
  # A toolchain is called 1.26.0, a go line may say 1.26.
  [[ $version == *.*.* ]] || version+=.0
  printf '%s\n' "$version"
}

# all_packages - the patterns for the packages of every module of go.work.
all_packages() { awk '/^\t\./ { print $1 "/..." }' "$root/go.work"; }

# go_suits PROGRAM - whether this go is new enough, or can download a newer one
# by itself.
go_suits() {
  local version wanted
  [[ -x $1 ]] || return 1
  version=$(cd -- "$root" && confined "$1" env GOVERSION 2>/dev/null) ||
    return 1
  version=${version#go}
  # A release candidate counts as the release.
  version=${version%%[!0-9.]*}
  wanted=$(go_wanted)
  [[ $(printf '%s\n' "$wanted" "$version" | sort -V | head -n 1) == "$wanted" ]]
}

# go_fetched - where setup puts a toolchain that it had to download.
go_fetched() { printf '%s/go/toolchain-%s\n' "$cache" "$(go_wanted)"; }

# confine_go - makes every go command of the script write below the cache.
confine_go() {
  # go counts its uses in a file in the user's configuration folder. Its
  # settings are in the same folder, and these must be kept.
  export GOENV=${GOENV:-${XDG_CONFIG_HOME:-${HOME:-}/.config}/go/env}
  export GOMODCACHE=$cache/go/modules GOCACHE=$cache/go/build
  export GOPATH=$cache/go/path
}

# confined PROGRAM ARGUMENT... - runs one go command under confine_go.
confined() { XDG_CONFIG_HOME=$cache/go/config "$@"; }

# run_go ARGUMENT... - the go command that find_go found, in the checkout.
run_go() { (cd -- "$root" && confined "$go" "$@"); }

# find_go - sets go to a suitable program and puts it first in PATH; fails
# when there is none.
find_go() {
  local candidate
  confine_go
  for candidate in "$(command -v go || true)" /usr/local/go/bin/go \
    "$(go_fetched)/bin/go"; do
    if go_suits "$candidate"; then
      go=$candidate
      PATH=$(dirname -- "$go"):$PATH
      # Without this the module cache is read-only, and rm -r fails on it.
      GOFLAGS=$(run_go env GOFLAGS)
      [[ $GOFLAGS == *-modcacherw* ]] || GOFLAGS+=" -modcacherw"
      export PATH GOFLAGS
      return 0
    fi
  done
  return 1
}

# use_go - the same, or dies.
use_go() {
  find_go || die "no Go $(go_wanted) or newer found; run scripts/setup first"
}
