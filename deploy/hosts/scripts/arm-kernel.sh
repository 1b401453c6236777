#!/usr/bin/env bash
# Debian's kernel, and the modules that QEMU's machine needs, numbered: they are loaded in this
# order. A module that a kernel has built in, or does not have, is left out.
. "$(dirname "$0")/common.sh"

modules=(
  virtio_ring virtio # in this order, or virtio is not loaded
  virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_mmio
  failover net_failover virtio_net # the network
  virtio-rng                       # random numbers: without, a TLS handshake waits for them
  virtio_blk virtio_console fuse
)

rm -rf unpacked
dpkg-deb --extract "$FILES"/linux-image-*.deb unpacked

cp unpacked/boot/vmlinuz-* "$OUT/kernel"
mkdir "$OUT/modules"
number=10
for module in "${modules[@]}"; do
  found=$(find unpacked/lib/modules -name "$module.ko")
  [ -z "$found" ] || cp "$found" "$OUT/modules/$number-$module.ko"
  number=$((number + 1))
done
