# shellcheck shell=bash disable=SC2034,SC2154 # shares variables with its user
# What makes two files or trees the same: SHA-256 in hex.

file_hash() {
  local line
  line=$(sha256sum -- "$1")
  # sha256sum puts a backslash before a line whose file name it had to escape.
  line=${line#\\}
  printf '%s\n' "${line%% *}"
}

# text_hash - of standard input.
text_hash() { sha256sum | cut -d ' ' -f 1; }

# tree_hash DIR - over one line "sha256  path" for each file below DIR but
# those under .git, sorted by path as bytes. Owners, times and modes are left
# out, so it depends on the content alone.
tree_hash() (
  cd -- "$1" || exit 1
  find . -path ./.git -prune -o -type f -printf '%P\0' |
    LC_ALL=C sort -z | xargs -0r sha256sum -- | text_hash
)
