#!/usr/bin/env bash
. "$(dirname "$0")/common.sh"
. "$scripts/alpha.sh"

once unpack unpack zlib
cd zlib
CHOST=$target CFLAGS=$target_cflags once configure ./configure --static
make -j "$JOBS" libz.a

mkdir "$OUT"/{include,lib}
cp zlib.h zconf.h "$OUT/include"
cp libz.a "$OUT/lib"
