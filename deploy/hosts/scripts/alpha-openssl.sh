#!/usr/bin/env bash
# OpenSSL with what Python's ssl and hashlib need: TLS 1.2 and 1.3, SHA, PBKDF2, scrypt. Every
# feature that is left out saves files to compile; this step is the longest but for the kernel.
. "$(dirname "$0")/common.sh"
. "$scripts/alpha.sh"

without=(
  # other forms of the result, and loading code at run time
  shared tests module dso engine async makedepend autoload-config
  # older and other protocols
  ssl3 tls1 tls1_1 dtls dgram srp srtp psk nextprotoneg ktls comp
  # other things done with certificates
  cms cmp ct ts ocsp rfc3779
  # older and national ciphers and hashes
  legacy aria bf camellia cast des dsa ec2m gost idea md4 mdc2 ocb rc2 rc4 rmd160 seed
  siphash siv sm2 sm3 sm4 whirlpool
  ui-console
)

once unpack unpack openssl
cd openssl
once configure ./Configure linux-alpha-gcc --cross-compile-prefix="$target-" \
  --prefix="$OUT" --libdir=lib --openssldir=/etc/ssl "${without[@]/#/no-}" $target_cflags
make -j "$JOBS" build_generated
make -j "$JOBS" libcrypto.a libssl.a

mkdir "$OUT"/{include,lib}
cp -r include/openssl "$OUT/include"
cp libcrypto.a libssl.a "$OUT/lib"
