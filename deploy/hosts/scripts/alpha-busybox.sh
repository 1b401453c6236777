#!/usr/bin/env bash
# A shell, mount, ip and the like for a whole machine, in one program.
. "$(dirname "$0")/common.sh"
. "$scripts/alpha.sh"

configure() {
  # Its allnoconfig takes wishes as a file; all else is left out.
  make KCONFIG_ALLCONFIG="$scripts/alpha-busybox.config" allnoconfig
}

once unpack unpack busybox
cd busybox
once configure configure
make -j "$JOBS" busybox

cp busybox "$OUT"
