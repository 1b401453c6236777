# What the steps that compile for Alpha share.
target=alpha-linux-gnu

# -mieee: without it a NaN or an infinity ends the program. -fPIC: the libraries go into Python's
# modules, which are shared objects.
target_cflags="-O2 -mieee -fPIC"

# Whether .config has all lines of a file of wishes: one that depends on another that is not there
# is dropped without a word.
granted() {
  while read -r wish; do
    grep -qx "$wish" .config || { echo "not in the configuration: $wish" && return 1; }
  done < <(grep ^CONFIG_ "$1")
}
