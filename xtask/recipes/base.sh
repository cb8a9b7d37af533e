# A Debian base file system as a tarball: what `debian:SUITE-slim` is to the official images.
# In: MIRROR SUITE ARCH WORK OUT
root=$WORK/base-$SUITE-$ARCH
rm -rf "$root"
mkdir -p "$root"
debootstrap --variant=minbase --arch="$ARCH" "$SUITE" "$root" "$MIRROR"

# Slim means: no documentation and no translations, now and in packages installed later.
cat >"$root/etc/dpkg/dpkg.cfg.d/docker" <<'CFG'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
CFG
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/man" "$root/usr/share/info" "$root/usr/share/locale" -mindepth 1 -delete 2>/dev/null || true
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb
rm -f "$root"/var/log/*.log "$root"/etc/resolv.conf "$root"/etc/hostname
# Container images start no service while a package is being installed.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

tar -C "$root" --numeric-owner --sort=name -cf "$OUT.part" .
mv "$OUT.part" "$OUT"
rm -rf "$root"
