# What the steps that make a tree with Python share.

# Parts of Python's library that no session needs; they would take memory in a whole machine.
unneeded_modules=(test idlelib tkinter turtledemo lib2to3 distutils pydoc_data ensurepip)

# Compiled modules, for in an emulated machine an import would take seconds. Unchecked: there the
# times of the sources are other ones.
compile_modules() {
  "$PYTHON311" -I -m compileall -q -j "$JOBS" --invalidation-mode unchecked-hash -s "$1" \
    "$1/usr/lib/python3.11"
}
