#!/usr/bin/env bash
# Python and its libraries as Debian has them, unpacked and never installed: no package's scripts
# are run, so this takes no emulation and no root.
. "$(dirname "$0")/common.sh"
. "$scripts/python.sh"

for package in "$FILES"/*.deb; do
  dpkg-deb --extract "$package" "$OUT"
done

cd "$OUT"
# A whole machine has this in memory. gconv: character sets that Python brings itself.
rm -rf usr/share usr/lib/*/gconv usr/lib/*/audit
(cd usr/lib/python3.11 && rm -rf "${unneeded_modules[@]}")
ln -sf python3.11 usr/bin/python3
find . -name __pycache__ -prune -exec rm -r {} +
compile_modules "$OUT"
