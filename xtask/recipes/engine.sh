# A newer Docker Engine than the machine's: the /usr of a Debian release that has one.
# In: as for the chroot, and OUT
rm -rf "$OUT" "$OUT.part"
# Neither documentation nor package lists are any use there.
rm -rf "$CHROOT"/usr/share/doc "$CHROOT"/usr/share/locale "$CHROOT"/usr/share/man
mv "$CHROOT/usr" "$OUT.part"
mv "$OUT.part" "$OUT"
rm -f "$CHROOT/.ready"
