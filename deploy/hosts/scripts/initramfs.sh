#!/usr/bin/env bash
# The first files of a whole machine: everything it has of its own. What is to be run there comes
# in a second archive.
. "$(dirname "$0")/common.sh"

modules=${FROM_KERNEL:+$FROM_KERNEL/modules}
PYTHONPATH="$scripts/../../.." "$PYTHON" -m deploy.hosts.initramfs \
  "$OUT/base.cpio" "$FROM_ROOT" ${modules:+"$modules"}
