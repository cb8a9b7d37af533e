# CPython for arm64, cross-compiled on amd64 with the CPython built there: under emulation it would take an hour.
# In: those of chroot.sh, and SERIES SOURCE NATIVE (the amd64 tarball) OUT
rm -rf "$CHROOT/build/cross" "$CHROOT/usr/local"
mkdir -p "$CHROOT/build/cross"
tar -C "$CHROOT" -xf "$NATIVE"
cat >"$CHROOT/build/cross.sh" <<'BUILD'
set -eux
SERIES=$1 SOURCE=$2
cd /build/cross
apt-get -q source --tar-only --download-only "$SOURCE"
tarball=$(ls python*.orig.tar.*z)
sha256sum "$tarball" | cut -d' ' -f1 >sha256
mkdir src
tar -C src --strip-components=1 -xf "$tarball"
cd src
export PKG_CONFIG=/usr/bin/pkg-config PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig
# The answers configure would find by running programs, which it cannot.
./configure --prefix=/usr/local --enable-shared --enable-loadable-sqlite-extensions \
    --host=aarch64-linux-gnu --build=x86_64-linux-gnu --with-build-python="/usr/local/bin/python$SERIES" \
    --with-ensurepip=no --disable-test-modules \
    ac_cv_file__dev_ptmx=yes ac_cv_file__dev_ptc=no ac_cv_buggy_getaddrinfo=no \
    CFLAGS=-O2 LDFLAGS='-Wl,-rpath,/usr/local/lib -Wl,--strip-all'
make -s -j"$(nproc)"
make -s install DESTDIR=/build/cross/root
cd /build/cross/root
# pip is the same on every machine.
cp -a /usr/local/bin/pip* usr/local/bin/
cp -a "/usr/local/lib/python$SERIES/site-packages/." "usr/local/lib/python$SERIES/site-packages/"
find usr/local -depth \( -type d -a \( -name test -o -name tests -o -name idle_test \) \) -exec rm -rf '{}' +
find usr/local -type d -name __pycache__ -prune -exec rm -rf '{}' +
find usr/local -type f \( -name '*.pyc' -o -name 'libpython*.a' \) -delete
test -e "usr/local/lib/python$SERIES/lib-dynload/"_ssl.*.so
"/usr/local/bin/python$SERIES" -B -c 'import platform; print(platform.python_version())' >/build/cross/version
BUILD
inside nice bash /build/cross.sh "$SERIES" "$SOURCE"

{ echo "version=$(cat "$CHROOT/build/cross/version")"; echo "sha256=$(cat "$CHROOT/build/cross/sha256")"; } >"$OUT.env"
tar -C "$CHROOT/build/cross/root" --numeric-owner --sort=name --owner=0 --group=0 -cf "$OUT.part" usr/local
mv "$OUT.part" "$OUT"
rm -rf "$CHROOT/build/cross"
