#!/usr/bin/env bash
# Runs cron/kakehi.crontab by a real cron, as an unprivileged user, through an outage of Nature's API, and
# counts the mails: none while all is well, one when it begins, one when it is over.
#
#   bash tests/real_cron.sh FOLDER        the folder of the programs, such as target/debug, which stands
#                                         in the place of /usr/bin
#
# It needs root, and of Debian the packages `cron` and `python3`. It takes about eight minutes: the lines
# run as they stand, but every minute in place of every five. What it changes (a user, a crontab, a
# `sendmail` that writes files) is in mounts of its own, which end with it.
set -euo pipefail

say() { printf 'tests/real_cron.sh: %s\n' "$*"; }
fail() {
  say "$*" >&2
  for mail in "$work"/mails/*; do [[ ! -e $mail ]] || sed 's/^/  | /' "$mail" >&2; done
  exit 1
}

if [[ ${2:-} != inside ]]; then
  programs=$(realpath "${1:?the folder of the programs is missing}")
  [[ $(id -u) == 0 ]] || { say 'this needs root'; exit 1; }
  [[ -x /usr/sbin/cron ]] || { say 'this needs the package `cron`'; exit 1; }
  exec unshare --mount --pid --fork --kill-child --mount-proc bash "$0" "$programs" inside
fi

programs=$1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d /tmp/kakehi-cron-XXXXXX)
trap 'rm -rf "$work" 2>/dev/null || true' EXIT
user=kakehi-cron home=$work/home
chmod 0755 "$work"
mkdir -p "$work"/{sbin,mails,api/1} "$home/.config/kakehi" "$work/programs"
cp "$programs"/{publish,subscribe,queue} "$work/programs"
chmod 0777 "$work/mails"

# ---- a user, and a sendmail that writes files, in this namespace only ----------------------------

cp /etc/passwd "$work/passwd"
echo "$user:*:64242:64242::$home:/bin/sh" >>"$work/passwd"
mount --bind "$work/passwd" /etc/passwd
cp -a /usr/sbin/. "$work/sbin"
rm -f "$work/sbin/sendmail"
printf '#!/bin/sh\nexec cat >"%s/mails/$(date +%%s%%N)"\n' "$work" >"$work/sbin/sendmail"
chmod 0755 "$work/sbin/sendmail"
mount --bind "$work/sbin" /usr/sbin
mount -t tmpfs tabs /var/spool/cron
mkdir -m 1730 /var/spool/cron/crontabs
chgrp crontab /var/spool/cron/crontabs
mount -t tmpfs none /etc/cron.d
: >"$work/crontab"
mount --bind "$work/crontab" /etc/crontab
mount -t tmpfs run /run

# ---- Nature's API, at one address, which can be stopped -------------------------------------------

cp "$root/examples/fixtures/devices_typical.json" "$work/api/1/devices"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
api=''
start_api() {
  python3 -m http.server --bind 127.0.0.1 --directory "$work/api" "$port" >/dev/null 2>&1 &
  api=$!
}
stop_api() { kill "$api" && wait "$api" 2>/dev/null || true; }

# ---- the crontab ----------------------------------------------------------------------------------

printf "NATURE_REMO_TOKEN='token'\nNATURE_REMO_ENDPOINT='http://127.0.0.1:%s'\n" "$port" \
  >"$home/.config/kakehi/env"
chmod 0600 "$home/.config/kakehi/env"
chown -R 64242:64242 "$home"
sed -E -e 's#^(\*|1-59)/5 #* #' -e "s#/usr/bin/(publish|subscribe|queue)#$work/programs/\\1#g" "$root/cron/kakehi.crontab" \
  >"$work/tab"
crontab -u "$user" "$work/tab"

mails() { find "$work/mails" -type f | wc -l; }
wait_for() { # wait_for WHAT COMMAND...: for three minutes at most
  local what=$1 end=$((SECONDS + 180))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || fail "$what: not within three minutes"
    sleep 1
  done
  say "$what"
}
rounds() { # rounds N: so many minutes begin
  local minute n
  for ((n = 0; n < $1; n++)); do
    minute=$(date +%M)
    while [[ $(date +%M) == "$minute" ]]; do sleep 1; done
  done
  sleep 10 # what the last of them has begun
}
stored() { [[ -s $home/.local/share/kakehi/store.db ]]; }
remembered() { compgen -G "$home/.local/share/kakehi/failing/publish-*.json"; }
over() { ! remembered; }
mailed() { (($(mails) >= $1)); }

start_api
/usr/sbin/cron
wait_for 'the first readings are stored' stored
rounds 1
(($(mails) == 0)) || fail 'all is well, and there is a mail'

stop_api
wait_for 'the outage is seen' remembered
wait_for 'a mail tells it' mailed 1
rounds 3
(($(mails) == 1)) || fail "the outage was told $(mails) times"
cat "$work"/mails/* | grep -q 'hint: ' || fail 'the mail does not say what to do'

start_api
wait_for 'the outage is over' over
wait_for 'a mail tells that' mailed 2
rounds 2
(($(mails) == 2)) || fail "there are $(mails) mails"
grep -lq 'publish: back after ' "$work"/mails/* || fail 'no mail says that it is over'
for mail in "$work"/mails/*; do sed 's/^/  | /' "$mail"; done
say 'one mail at its begin, one at its end'
