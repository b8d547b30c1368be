#!/usr/bin/env bash
# Lays out the content of a container's image: programs, the libraries that they link to, certificates.
#
#   bash packaging/container/root.sh PROGRAMS ROOT
set -euo pipefail

(($# == 2)) || {
  echo 'root.sh: two folders are needed: PROGRAMS ROOT' >&2
  exit 2
}
programs=$1 root=$2
for program in kakehi publish subscribe queue store; do
  install -D -m 0755 "$programs/$program" "$root/usr/bin/$program"
done
# Each library, and the loader, under the name by which it is looked for.
ldd "$programs"/{kakehi,publish,subscribe,queue,store} |
  grep -oE '/[^ ]+\.so[^ ]*' | sort -u | while read -r library; do
  install -D -m 0755 "$library" "$root$library"
done
install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
install -d -m 1777 "$root/tmp"
install -d -m 0700 "$root/data"
((EUID != 0)) || chown 65532:65532 "$root/data"
