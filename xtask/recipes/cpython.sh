# CPython built from Debian's source package, in the shape of the official images: /usr/local, shared libpython, pip,
# no test packages, no bytecode, no static library.
# In: those of chroot.sh, and SERIES (3.13) SOURCE (python3.13/trixie) PINNED (a file of the pool and its SHA-256) OUT
rm -rf "$CHROOT/build/$SERIES"
mkdir -p "$CHROOT/build/$SERIES"
cat >"$CHROOT/build/build.sh" <<'BUILD'
set -eux
SERIES=$1 SOURCE=$2 MIRROR=$3 FILE=${4:-} SHA256=${5:-}
cd "/build/$SERIES"
# A mirror of a release in the making may list a version that it no longer has: a pinned one stands in for it.
apt-get -q source --tar-only --download-only "$SOURCE" || {
    test -n "$FILE"
    /usr/lib/apt/apt-helper download-file "$MIRROR/pool/main/$FILE" "${FILE##*/}" "SHA256:$SHA256"
}
tarball=$(ls python*.orig.tar.*z)
sha256sum "$tarball" | cut -d' ' -f1 >sha256
mkdir src
tar -C src --strip-components=1 -xf "$tarball"
cd src
rm -rf /usr/local
mkdir -p /usr/local/bin /usr/local/lib
case $SERIES in
2.7) set -- --enable-unicode=ucs4 ;;
*) set -- --enable-loadable-sqlite-extensions ;;
esac
# The build must not depend on where it ran, hence no timestamps of the machine's own; -O2 alone keeps it short.
./configure --prefix=/usr/local --enable-shared --with-ensurepip=install "$@" \
    CFLAGS=-O2 LDFLAGS='-Wl,-rpath,/usr/local/lib -Wl,--strip-all'
make -s -j"$(nproc)"
make -s install
find /usr/local -depth \( -type d -a \( -name test -o -name tests -o -name idle_test \) \) -exec rm -rf '{}' +
find /usr/local -type d -name __pycache__ -prune -exec rm -rf '{}' +
find /usr/local -type f \( -name '*.pyc' -o -name '*.pyo' -o -name 'libpython*.a' \) -delete
"/usr/local/bin/python$SERIES" -B -c 'import platform; print(platform.python_version())' >"/build/$SERIES/version"
"/usr/local/bin/python$SERIES" -B -c 'import ssl, sqlite3, zlib, bz2, ctypes, readline, hashlib, curses'
"/usr/local/bin/python$SERIES" -B -m pip --version
BUILD
inside nice bash /build/build.sh "$SERIES" "$SOURCE" "${MIRROR%/}" ${PINNED:-}

{ echo "version=$(cat "$CHROOT/build/$SERIES/version")"; echo "sha256=$(cat "$CHROOT/build/$SERIES/sha256")"; } >"$OUT.env"
tar -C "$CHROOT" --numeric-owner --sort=name --owner=0 --group=0 -cf "$OUT.part" usr/local
mv "$OUT.part" "$OUT"
rm -rf "$CHROOT/build/$SERIES"
