#!/usr/bin/env bash
# Tries the Debian package in a fresh system of its own: installs it, upgrades it beside a follower that
# runs, removes and purges it. Needs root, debootstrap, and whatever mirror apt is set to.
#
#   sudo bash packaging/try-deb.sh PROGRAMS
set -euo pipefail

(($# == 1)) || {
  echo 'try-deb.sh: a folder with the programs is needed' >&2
  exit 2
}
((EUID == 0)) || {
  echo 'try-deb.sh: only root may make a system of its own' >&2
  exit 1
}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/kakehi-deb.XXXXXX")
system=$work/system
finish() {
  # Whatever still runs in there is ours.
  for root in /proc/[0-9]*/root; do
    [[ $(readlink "$root" 2>/dev/null) != "$system" ]] || kill -9 "$(basename "$(dirname "$root")")" || true
  done
  ! mountpoint -q "$system/proc" || umount "$system/proc"
  rm -rf --one-file-system -- "$work"
}
trap finish EXIT

say() { printf '\n# %s\n' "$@"; }
fail() {
  printf 'try-deb.sh: %s\n' "$@" >&2
  exit 1
}
within() { chroot "$system" "$@"; }
# A program as the services run it.
as_kakehi() { within setpriv --reuid=kakehi --regid=kakehi --clear-groups \
  env -i HOME=/var/lib/kakehi PATH=/usr/bin:/bin "$@"; }
expect() { # expect TEXT COMMAND...: the command says this
  local text=$1 said
  shift
  said=$("$@" 2>&1) || fail "failed: $*" "$said"
  [[ $said == *"$text"* ]] || fail "\`$*\` does not say \`$text\`:" "$said"
}
wait_for() { # wait_for TEXT COMMAND...: the command comes to say this
  local text=$1 said= turn
  shift
  for ((turn = 0; turn < 600; turn++)); do
    said=$("$@" 2>&1) || true
    [[ $said != *"$text"* ]] || return 0
    sleep 0.1
  done
  fail "\`$*\` never says \`$text\`:" "$said"
}

say 'Packages of two versions.'
mkdir "$work/programs"
for program in kakehi publish subscribe queue store; do
  # Programs that were built for tests are large: what a debugger needs stays here.
  strip -o "$work/programs/$program" "$1/$program"
done
# Large ones, of programs that were built for tests, are made in no time.
export DEB_COMPRESSION=none
first=$(bash "$here/deb.sh" "$work/programs" "$work" 0.1.0)
second=$(bash "$here/deb.sh" "$work/programs" "$work" 0.1.1)
dpkg-deb --info "$first" | grep -E ' (Depends|Installed-Size|Architecture):'

say 'A fresh system, from the mirror that apt is set to.'
read -r mirror suite < <(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
  awk -v id="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$2 == id { print; exit }')
debootstrap --variant=minbase \
  --include=ca-certificates,libgcc-s1,systemd-standalone-sysusers \
  "$suite" "$system" "$mirror" >"$work/debootstrap.log" 2>&1 ||
  fail 'there is no fresh system' "$(tail -5 "$work/debootstrap.log")"
mount -t proc proc "$system/proc"
cp "$first" "$second" "$system/tmp/"

say 'Install.'
within dpkg --install "/tmp/$(basename "$first")"
expect '640 root kakehi' within stat -c '%a %U %G' /etc/kakehi/env
expect '700 kakehi kakehi' within stat -c '%a %U %G' /var/lib/kakehi
for program in kakehi publish subscribe queue store; do
  expect ' 0.1.0' within "$program" --version
done
for path in man/man1/queue-dead-list.1.gz man/man1/kakehi.1.gz man/man7/kakehi-urls.7.gz \
  bash-completion/completions/publish zsh/vendor-completions/_store fish/vendor_completions.d/subscribe.fish kakehi/kakehi.crontab; do
  [[ -s $system/usr/share/$path ]] || fail "there is no $path"
done
[[ -s $system/usr/lib/systemd/system/kakehi-publish.timer ]] || fail 'there is no timer'
expect 'file: /etc/kakehi/env' as_kakehi queue --show-config
expect 'sqlite:/var/lib/kakehi/queue.db' as_kakehi queue --show-config
expect 'is not read: Permission denied' within setpriv --reuid=65534 --regid=65534 --clear-groups \
  queue --show-config

say 'Upgrade, beside a follower that runs.'
echo '# mine' >>"$system/etc/kakehi/env"
as_kakehi queue create >/dev/null
# No function: so what the shell starts becomes the follower, by way of chroot, setpriv and env.
chroot "$system" setpriv --reuid=kakehi --regid=kakehi --clear-groups \
  env -i HOME=/var/lib/kakehi PATH=/usr/bin:/bin subscribe --follow --lock 2>"$work/follower.log" &
follower=$!
put() { as_kakehi sh -c "echo '{\"id\":\"$1\"}' | publish 'stdin:?id=id' --quiet"; }
put before
wait_for '"before"' as_kakehi store list --json
within dpkg --install "/tmp/$(basename "$second")"
[[ $(<"/proc/$follower/comm") == subscribe ]] || fail 'the follower has ended' "$(<"$work/follower.log")"
expect '# mine' cat "$system/etc/kakehi/env"
expect '640 root kakehi' within stat -c '%a %U %G' /etc/kakehi/env
put after
wait_for '"after"' as_kakehi store list --json
kill -TERM "$follower"
code=0
wait "$follower" || code=$?
((code == 143)) || fail "the follower ended with $code" "$(<"$work/follower.log")"
expect '2 stored' cat "$work/follower.log"

say 'Remove: the configuration and the messages stay.'
within dpkg --remove kakehi
[[ ! -e $system/usr/bin/publish && ! -e $system/usr/share/kakehi ]] || fail 'programs are left'
[[ -e $system/etc/kakehi/env && -e $system/var/lib/kakehi/store.db ]] || fail 'too much is removed'

say 'Install again: what was there is there.'
within dpkg --install "/tmp/$(basename "$second")"
expect '# mine' cat "$system/etc/kakehi/env"
expect '"after"' as_kakehi store list --json

say 'Purge: the configuration is gone, the messages stay.'
expect '/var/lib/kakehi holds messages that are kept' within dpkg --purge kakehi
[[ ! -e $system/etc/kakehi ]] || fail 'the configuration is left'
[[ -e $system/var/lib/kakehi/store.db ]] || fail 'messages are gone'

say 'Everything is as it should be.'
