# shellcheck shell=bash disable=SC2034 # shares variables with its user
# What the scripts of this folder have in common.

# check_release NAME - stops unless NAME can be the name of a Debian suite.
check_release() {
  [[ $1 =~ ^[a-z]+$ ]] ||
    usage_error "--debian is the name of a suite, such as trixie, not $1"
}

# find_docker - sets docker to a docker command in PATH that builds with
# BuildKit and reaches a daemon, or dies. A command that lacks its buildx plugin
# may precede one that needs none.
find_docker() {
  local candidate
  export DOCKER_BUILDKIT=1
  for candidate in $(type -ap docker); do
    "$candidate" build --help 2>/dev/null | grep -q -- --secret || continue
    docker=$candidate
    "$docker" version >/dev/null 2>&1 ||
      die "no docker daemon answers at ${DOCKER_HOST:-the default socket};" \
        "start one, or set DOCKER_HOST"
    return 0
  done
  die "no docker command that has BuildKit was found; run apt-get install" \
    "docker.io as root, or install the buildx plugin"
}
