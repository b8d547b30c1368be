#!/usr/bin/env bash
# Writes the manual pages and the completions of all programs, as the programs themselves give them.
#
#   bash packaging/generate.sh PROGRAMS SHARE ZSH FISH
#
# PROGRAMS holds the programs; below SHARE come man/man1, man/man7 and bash-completion/completions, and
# the completions of zsh and fish into the folders of these names.
set -euo pipefail

(($# == 4)) || {
  echo 'generate.sh: four folders are needed: PROGRAMS SHARE ZSH FISH' >&2
  exit 2
}
programs=$(cd "$1" && pwd) share=$2 zsh=$3 fish=$4
man=$share/man/man1 man7=$share/man/man7 bash=$share/bash-completion/completions
mkdir -p "$man" "$man7" "$bash" "$zsh" "$fish"

# What a program says of itself depends on no configuration of this machine.
export KAKEHI_CONFIG=/dev/null

for program in kakehi publish subscribe queue store; do
  "$programs/$program" --generate man >"$man/$program.1"
  "$programs/$program" --generate completions:bash >"$bash/$program"
  "$programs/$program" --generate completions:zsh >"$zsh/_$program"
  "$programs/$program" --generate completions:fish >"$fish/$program.fish"
done
"$programs/queue" --generate man:kakehi-urls >"$man7/kakehi-urls.7"
for program in queue store; do
  actions=$("$programs/$program" --generate actions)
  for action in $actions; do
    "$programs/$program" --generate "man:$action" >"$man/$program-$action.1"
  done
done
