#!/usr/bin/env bash
# For Python's ctypes.
. "$(dirname "$0")/common.sh"
. "$scripts/alpha.sh"

once unpack unpack libffi
cd libffi
CFLAGS=$target_cflags once configure \
  ./configure --host="$target" --prefix="$OUT" --disable-shared --with-pic --disable-docs
make -j "$JOBS" install
