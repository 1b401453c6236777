#!/usr/bin/env bash
# A shell, mount, ip and the like for a whole machine, in one program.
. "$(dirname "$0")/common.sh"
. "$scripts/alpha.sh"

wishes=$scripts/alpha-busybox.config

configure() {
  make allnoconfig
  # Not by KCONFIG_ALLCONFIG: a second pass of allnoconfig forgets those.
  grep -vwFf <(grep -o '^CONFIG_\w*' "$wishes") .config >others
  cat others "$wishes" >.config
  make oldconfig </dev/null
  granted "$wishes"
}

once unpack unpack busybox
cd busybox
once configure configure
make -j "$JOBS" busybox

cp busybox "$OUT"
