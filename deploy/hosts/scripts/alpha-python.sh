#!/usr/bin/env bash
# Python for Alpha, made on this machine by this machine's Python of the same version. Nothing of
# it needs a patch. OpenSSL, zlib and libffi go into its modules.
. "$(dirname "$0")/common.sh"
. "$scripts/python.sh"
. "$scripts/alpha.sh"

without_debug=(OPT="-DNDEBUG -fwrapv -O2" CFLAGS=-mieee)

configure() {
  cp "$scripts/alpha-python.setup" Modules/Setup.local
  CONFIG_SITE="$scripts/alpha-python.site" PKG_CONFIG=/bin/false \
    CPPFLAGS="-I$FROM_ZLIB/include -I$FROM_LIBFFI/include" \
    LDFLAGS="-L$FROM_ZLIB/lib -L$FROM_LIBFFI/lib" \
    ./configure "${without_debug[@]}" --prefix=/usr \
    --host="$target" --build="$(gcc -dumpmachine)" --with-build-python="$PYTHON311" \
    --with-openssl="$FROM_OPENSSL" --without-ensurepip --without-doc-strings \
    --disable-test-modules
}

once unpack unpack python3.11
cd python3.11
once configure configure
make -j "$JOBS" python sharedmods

# `make install` would compile the whole library three times over.
make DESTDIR="$OUT" altbininstall sharedinstall
rm "$OUT"/usr/bin/{2to3,idle,pydoc}*
library=$OUT/usr/lib/python3.11
cp -r Lib/. "$library"
cp "$(cat pybuilddir.txt)"/_sysconfigdata_*.py "$library"
(cd "$library" && rm -rf "${unneeded_modules[@]}")
find "$library" -type d \( -name test -o -name tests -o -name __pycache__ \) -prune -exec rm -r {} +
