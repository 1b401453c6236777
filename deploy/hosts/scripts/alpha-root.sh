#!/usr/bin/env bash
# Python, busybox and the C library of the cross compiler, as one tree.
. "$(dirname "$0")/common.sh"
. "$scripts/python.sh"
. "$scripts/alpha.sh"

libraries=(ld-linux.so.2 libc.so.6.1 libm.so.6.1 libdl.so.2.1 libpthread.so.0 librt.so.1
  libutil.so.1.1 libresolv.so.2.1 libnss_files.so.2 libnss_dns.so.2 libgcc_s.so.1 libatomic.so.1)

mkdir "$OUT"/{bin,lib}
cp -r "$FROM_PYTHON/usr" "$OUT"
cp "$FROM_BUSYBOX/busybox" "$OUT/bin"
for library in "${libraries[@]}"; do
  cp "/usr/$target/lib/$library" "$OUT/lib"
done

cd "$OUT"
ln -s python3.11 usr/bin/python3
"$target-strip" --strip-unneeded usr/bin/python3.11 usr/lib/python3.11/lib-dynload/*.so lib/*
compile_modules "$OUT"
