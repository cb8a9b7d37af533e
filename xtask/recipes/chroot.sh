# A chroot with the compilers and libraries CPython is built with. Sourced by the build recipes, which run in a mount
# namespace of their own: what is mounted here is gone with them.
# In: MIRROR SUITE BASE WORK CHROOT SOURCE_SUITES PACKAGES; out: the function `inside`
mount --make-rprivate /
inside() {
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive ${APT_PROXY:+http_proxy="$APT_PROXY"} chroot "$CHROOT" "$@"
}
fresh=
if [ ! -e "$CHROOT/.ready" ]; then
    fresh=1
    rm -rf "$CHROOT"
    mkdir -p "$CHROOT"
    tar -C "$CHROOT" -xf "$BASE"
fi
cp /etc/resolv.conf "$CHROOT/etc/resolv.conf"
mount -t proc proc "$CHROOT/proc"
mount --rbind /dev "$CHROOT/dev"
if [ -n "$fresh" ]; then
    {
        echo "deb $MIRROR $SUITE main"
        for suite in $SOURCE_SUITES; do echo "deb-src $MIRROR $suite main"; done
    } >"$CHROOT/etc/apt/sources.list"
    for arch in ${FOREIGN_ARCH:-}; do inside dpkg --add-architecture "$arch"; done
    inside apt-get -q -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none update
    inside apt-get -qy --no-install-recommends install $PACKAGES
    touch "$CHROOT/.ready"
fi
