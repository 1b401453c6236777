# What every step may use. A step's script is run in a folder of its own, which is still there when
# the step is taken up again after an interruption, with
#   ARCH         the architecture's name
#   FILES        the folder of the Debian packages and sources that go in
#   FROM_ROOT... the results of the steps it needs, each in a folder; they are not to be changed
#   OUT          where its own result goes: an empty folder
#   JOBS         how many processes may work at once
#   PYTHON       the Python that runs redlab; PYTHON311 one whose compiled files are the hosts'
set -euo pipefail
scripts=$(dirname "${BASH_SOURCE[0]}")

# A command that need not be repeated when the step is taken up again: once NAME COMMAND...
once() {
  [ -e ".did-$1" ] && return
  "${@:2}" # not in a condition, where bash goes on after an error
  touch ".did-$1"
}

# The sources of a Debian package, without Debian's patches: unpack NAME -> ./NAME
unpack() {
  mkdir -p "$1"
  tar -x -f "$(find "$FILES" -name "$1_*.orig.tar.*" ! -name '*.asc')" -C "$1" --strip-components=1
}

# What it cost, as the end of its log: processor time, of bash and of all it ran.
trap times EXIT
