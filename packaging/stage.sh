#!/usr/bin/env bash
# Lays out what a package installs, below a folder that takes the place of /.
#
#   bash packaging/stage.sh PROGRAMS ROOT
#
# PROGRAMS holds the programs: `target/dist` after a build, or any other folder with all five.
set -euo pipefail

(($# == 2)) || {
  echo 'stage.sh: two folders are needed: PROGRAMS ROOT' >&2
  exit 2
}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
house=$(dirname "$here")
programs=$1 root=$2

for program in kakehi publish subscribe queue store; do
  [[ -x $programs/$program ]] || {
    echo "stage.sh: there is no program \`$program\` in \`$programs\`" >&2
    echo '  hint: cargo build --locked --profile dist --features launchers' >&2
    exit 1
  }
  install -D -m 0755 "$programs/$program" "$root/usr/bin/$program"
done
bash "$here/generate.sh" "$root/usr/bin" "$root/usr/share" \
  "$root/usr/share/zsh/vendor-completions" "$root/usr/share/fish/vendor_completions.d"
gzip -9nf "$root"/usr/share/man/man1/*.1 "$root"/usr/share/man/man7/*.7

for unit in "$house"/cron/*.service "$house"/cron/*.timer; do
  install -D -m 0644 "$unit" "$root/usr/lib/systemd/system/$(basename "$unit")"
done
install -D -m 0644 "$here/kakehi.sysusers" "$root/usr/lib/sysusers.d/kakehi.conf"
install -D -m 0644 "$house/cron/kakehi.crontab" "$root/usr/share/kakehi/kakehi.crontab"
install -D -m 0644 "$house/cron/kakehi.env.example" "$root/usr/share/kakehi/env.example"

# The machine's own file: the services and a bare `queue stats` go by the same data folder.
install -d -m 0755 "$root/etc/kakehi"
sed "s|^#\(XDG_DATA_HOME=\)|\1|" "$house/cron/kakehi.env.example" >"$root/etc/kakehi/env"
chmod 0640 "$root/etc/kakehi/env"

documents=$root/usr/share/doc/kakehi
install -d "$documents"
install -m 0644 "$house/README.md" "$house/CHANGELOG.md" "$house"/LICENSE-* "$documents"
for page in "$house"/docs/*.md; do
  install -D -m 0644 "$page" "$documents/docs/$(basename "$page")"
done
