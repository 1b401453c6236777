#!/usr/bin/env bash
# Linux for the machine that qemu-system-alpha emulates, from Debian's sources.
. "$(dirname "$0")/common.sh"
. "$scripts/alpha.sh"

fetch_tree() {
  dpkg-deb --fsys-tarfile "$FILES"/linux-source-*.deb |
    tar -x -O --wildcards './usr/src/linux-source-*.tar.xz' |
    tar -x -J -C linux --strip-components=1 --exclude-from="$scripts/alpha-kernel.unused"
}

# Both include files that are not there when CONFIG_ALPHA_EV6 is set, as QEMU's processor wants.
mend_tree() {
  sed -i 's/"ev6-strcat.S"/"strcat.S"/' linux/arch/alpha/lib/stycpy.S
  sed -i 's/"ev6-strncat.S"/"strncat.S"/' linux/arch/alpha/lib/styncpy.S
}

configure() {
  "${make[@]}" KCONFIG_ALLCONFIG="$scripts/alpha-kernel.config" allnoconfig
  granted "$scripts/alpha-kernel.config"
}

make=(make ARCH=alpha CROSS_COMPILE="$target-")
mkdir -p linux
once fetch fetch_tree
once mend mend_tree
cd linux
once configure configure
# -O1: compiled in three quarters of the time, and the emulation is what is slow.
"${make[@]}" -j "$JOBS" KCFLAGS=-O1 vmlinux

"$target-strip" -o "$OUT/kernel" vmlinux
