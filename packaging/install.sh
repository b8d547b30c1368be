#!/usr/bin/env bash
# Installs what belongs to the programs: manual pages, completions, crontab lines and units that find
# the programs where they lie, and a configuration file where there is none yet.
#
#   bash packaging/install.sh [PROGRAMS]               for yourself, into ~/.local
#   sudo bash packaging/install.sh --system [PROGRAMS] for the machine, into /usr/local and /etc
#   ... --uninstall                                    removes all that, but for configuration and data
#
# PROGRAMS holds the programs; without it they are in `bin` beside this script, as in an archive, or
# where `cargo install --root ~/.local` has put them. --prefix FOLDER takes another one for ~/.local or
# /usr/local, and --root FOLDER, for packagers, another one for /.
set -euo pipefail

stop() {
  printf 'install.sh: %s\n' "$@" >&2
  exit "${code:-1}"
}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
system= prefix= root= from= uninstall=
while (($#)); do
  case $1 in
    --system) system=yes ;;
    --uninstall) uninstall=yes ;;
    --prefix | --root)
      (($# > 1)) || code=2 stop "$1 needs a folder"
      [[ $2 == /* ]] || code=2 stop "$1 needs a whole path, from / on"
      if [[ $1 == --prefix ]]; then prefix=${2%/}; else root=${2%/}; fi
      shift
      ;;
    --help | -h)
      sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    -*) code=2 stop "there is no flag $1" '  hint: --help tells which there are' ;;
    *) from=$1 ;;
  esac
  shift
done

if [[ $system ]]; then
  prefix=${prefix:-/usr/local}
  units=/etc/systemd/system config=/etc/kakehi
else
  [[ ${HOME:-} == /* ]] || stop 'HOME is not set: where is your home?'
  prefix=${prefix:-$HOME/.local}
  config=$HOME/.config
  [[ ${XDG_CONFIG_HOME:-} != /* ]] || config=$XDG_CONFIG_HOME
  units=$config/systemd/user config=$config/kakehi
fi
[[ $prefix$units != *[[:space:]%\|\&\\\'\"\$]* ]] ||
  stop "neither cron nor systemd finds programs in \`$prefix\`: its name has blanks or signs" \
    '  hint: --prefix FOLDER names another one'
bin=$prefix/bin share=$prefix/share
programs=(kakehi publish subscribe queue store)

if [[ $uninstall ]]; then
  for program in "${programs[@]}"; do
    rm -f -- "$root$bin/$program" "$root$share/bash-completion/completions/$program" \
      "$root$share/zsh/site-functions/_$program" "$root$share/fish/vendor_completions.d/$program.fish"
  done
  rm -f -- "$root$share/man/man1/"{kakehi,publish,subscribe,queue,store}.1 \
    "$root$share/man/man1/"{queue,store}-*.1 "$root$share/man/man7/kakehi-urls.7" \
    "$root$units/"kakehi-{publish,subscribe}.{service,timer}
  rm -rf -- "$root$share/kakehi-install"
  [[ ! $system ]] || rm -f -- "$root/etc/sysusers.d/kakehi.conf"
  echo "removed. What is left is yours: the configuration in $config, the data of your queues and"
  echo 'stores, and lines in a crontab (crontab -e)'
  exit 0
fi

if [[ ! $from ]]; then
  from=$here/bin
  [[ -d $from ]] || from=$root$bin
fi
[[ -x $from/publish && -x $from/subscribe && -x $from/queue && -x $from/store ]] ||
  stop "there are no programs in \`$from\`" \
    '  hint: cargo install --path . --locked --profile dist --features launchers --root ~/.local'
cron=$here/cron
[[ -d $cron ]] || cron=$here/../cron

# A file beside the old one, then renamed over it: a program that runs keeps its own.
put() { # put MODE FROM TO
  install -D -m "$1" "$2" "$3.new"
  mv -f -- "$3.new" "$3"
}
# A file of `cron/` with the programs where they lie.
put_with_paths() { # put_with_paths FROM TO [SED...]
  local from=$1 to=$2
  shift 2
  mkdir -p "$(dirname "$to")"
  sed -e "s|/usr/bin/|$bin/|g" "$@" "$from" >"$to.new"
  chmod 0644 "$to.new"
  mv -f -- "$to.new" "$to"
}

if [[ ! $from -ef $root$bin ]]; then
  for program in "${programs[@]}"; do
    # Programs that are whole need no `kakehi`.
    [[ ! -x $from/$program ]] || put 0755 "$from/$program" "$root$bin/$program"
  done
fi
bash "$here/generate.sh" "$root$bin" "$root$share" \
  "$root$share/zsh/site-functions" "$root$share/fish/vendor_completions.d"
put_with_paths "$cron/kakehi.crontab" "$root$share/kakehi-install/kakehi.crontab"
for unit in "$cron"/*.service "$cron"/*.timer; do
  to=$root$units/$(basename "$unit")
  if [[ $system ]]; then
    put_with_paths "$unit" "$to"
  else
    # A user's manager starts it as that user already, reads no /etc, and guards no other users from it.
    put_with_paths "$unit" "$to" -e '/^#/d' -e '/^\(User\|StateDirectory\|StateDirectoryMode\|EnvironmentFile\|Environment\)=/d' \
      -e '/^\(CapabilityBoundingSet\|Lock\|Memory\|NoNew\|Private\|Protect\|Restrict\|SystemCall\)/d' \
      -e '/^\(Wants\|After\)=network-online/d'
  fi
done

if [[ ! -e $root$config/env ]]; then
  install -d -m 0755 "$root$config"
  put 0600 "$cron/kakehi.env.example" "$root$config/env"
fi
if [[ $system ]]; then
  put 0644 "$here/kakehi.sysusers" "$root/etc/sysusers.d/kakehi.conf"
  # The services and a bare `queue stats` go by the same data folder.
  sed -i 's|^#\(XDG_DATA_HOME=\)|\1|' "$root$config/env"
  if [[ ! $root ]]; then
    systemd-sysusers kakehi.conf
    chown root:kakehi "$config/env"
    chmod 0640 "$config/env"
  fi
  manager=systemctl
else
  manager='systemctl --user'
fi

cat <<TOLD
installed: programs in $bin, configuration in $config/env
next: edit $config/env, then one of
  (crontab -l; cat $share/kakehi-install/kakehi.crontab) | crontab -
  $manager daemon-reload && $manager enable --now kakehi-publish.timer kakehi-subscribe.timer
TOLD
