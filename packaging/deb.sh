#!/usr/bin/env bash
# Makes a Debian package of programs that are built already, for the machine that they are built for.
#
#   bash packaging/deb.sh PROGRAMS OUT [VERSION]
#
# PROGRAMS holds the programs, OUT is the folder for `kakehi_VERSION_ARCHITECTURE.deb`. DEB_HOST_ARCH
# (arm64, armhf) names the architecture of programs that were built for another machine; then QEMU's
# user emulation has to run them here, as they themselves write their manual pages.
set -euo pipefail

(($# == 2 || $# == 3)) || {
  echo 'deb.sh: two folders are needed: PROGRAMS OUT' >&2
  exit 2
}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=${3:-$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml" | head -1)}
architecture=${DEB_HOST_ARCH:-$(dpkg --print-architecture)}
mkdir -p "$2"
out=$(cd "$2" && pwd)/kakehi_${version}_$architecture.deb

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
umask 022
tree=$work/tree
bash "$here/stage.sh" "$1" "$tree"

mkdir -p "$tree/DEBIAN" "$work/debian"
install -m 0755 "$here"/debian/{postinst,prerm,postrm} "$tree/DEBIAN/"
echo /etc/kakehi/env >"$tree/DEBIAN/conffiles"
printf 'Source: kakehi\n\nPackage: kakehi\nArchitecture: any\n' >"$work/debian/control"
libraries=$(cd "$work" && dpkg-shlibdeps -O "$tree"/usr/bin/* 2>/dev/null)
libraries=${libraries#shlibs:Depends=}
# That goes by symbols. How a program says where its addresses are is none, and glibc before 2.36 starts no
# such program (build.rs).
if objdump -p "$tree"/usr/bin/* | grep GLIBC_ABI_DT_RELR >/dev/null; then
  libraries+=', libc6 (>= 2.36)'
fi
sed -e "s|@VERSION@|$version|" -e "s|@ARCHITECTURE@|$architecture|" -e "s|@LIBRARIES@|$libraries|" \
  -e "s|@SIZE@|$(du -sk "$tree" | cut -f1)|" "$here/debian/control" >"$tree/DEBIAN/control"
(cd "$tree" && find usr -type f -exec md5sum {} +) >"$tree/DEBIAN/md5sums"
dpkg-deb --root-owner-group "-Z${DEB_COMPRESSION:-xz}" --build "$tree" "$out" >/dev/null
echo "$out"
