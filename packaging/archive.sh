#!/usr/bin/env bash
# Makes an archive of programs that are built already, with the script that installs them.
#
#   bash packaging/archive.sh PROGRAMS OUT
#
# Whoever gets `OUT/kakehi-VERSION-MACHINE.tar.gz` unpacks it and runs `bash install.sh` in it.
set -euo pipefail

(($# == 2)) || {
  echo 'archive.sh: two folders are needed: PROGRAMS OUT' >&2
  exit 2
}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
house=$(dirname "$here")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$house/Cargo.toml" | head -1)
name=kakehi-$version-$(uname -m)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

for program in kakehi publish subscribe queue store; do
  install -D -m 0755 "$1/$program" "$work/$name/bin/$program"
done
install -m 0644 "$here"/{install.sh,generate.sh,kakehi.sysusers} "$work/$name/"
install -m 0644 "$house/README.md" "$house/CHANGELOG.md" "$house"/LICENSE-* "$work/$name/"
mkdir "$work/$name/cron" "$work/$name/docs"
install -m 0644 "$house"/cron/* "$work/$name/cron/"
install -m 0644 "$house"/docs/*.md "$work/$name/docs/"

mkdir -p "$2"
out=$(cd "$2" && pwd)/$name.tar.gz
# Whoever builds the same programs gets the same archive.
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" \
  -c "$name" | gzip -9n >"$out"
echo "$out"
