#!/usr/bin/env bash
# Readings through Cloud Pub/Sub into MongoDB.
#
#   PUBSUB_EMULATOR_HOST             an emulator; without it the real service, with
#   GOOGLE_APPLICATION_CREDENTIALS   the credentials' file, and
#   PUBSUB_PROJECT                   the project (`kakehi-example` on an emulator)
#   MONGODB_URI                      mongodb://HOST:PORT/DATABASE, without user and password:
#   MONGODB_USERNAME, MONGODB_PASSWORD or MONGODB_PASSWORD_FILE
#   KAKEHI_BIN                       a folder that holds the programs; without it they are built
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

stop() {
  printf 'pubsub-to-mongodb.sh: %s\n' "$@" >&2
  exit 1
}
[[ -n ${MONGODB_URI:-} ]] ||
  stop 'MONGODB_URI is not set: where does MongoDB listen?' \
    'hint: export MONGODB_URI=mongodb://127.0.0.1:27017/kakehi-example'
if [[ -n ${PUBSUB_EMULATOR_HOST:-} ]]; then
  project=${PUBSUB_PROJECT:-kakehi-example}
else
  [[ -n ${PUBSUB_PROJECT:-} ]] ||
    stop 'neither PUBSUB_EMULATOR_HOST nor PUBSUB_PROJECT is set: which Pub/Sub?' \
      'hint: gcloud beta emulators pubsub start --host-port=127.0.0.1:8085' \
      'hint: export PUBSUB_EMULATOR_HOST=127.0.0.1:8085'
  project=$PUBSUB_PROJECT
fi

if [[ -z ${KAKEHI_BIN:-} ]]; then
  cargo build --release --locked --bins
  KAKEHI_BIN=${CARGO_TARGET_DIR:-target}/release
fi
PATH=$(cd "$KAKEHI_BIN" && pwd):$PATH

# A topic, and a subscription of its name.
queue=pubsub://$project/kakehi-example
store="$MONGODB_URI$([[ $MONGODB_URI == *\?* ]] && echo '&' || echo '?')collection=readings"

say() { echo && printf '# %s\n' "$@"; }
run() { # shows a command as one would type it, and runs it
  local word line='$'
  for word; do
    [[ $word == *[?*\&\ ]* ]] && word="'$word'"
    line+=" $word"
  done
  printf '%s\n' "$line"
  "$@"
}

say 'Five readings, each with an id of its own, into Pub/Sub.'
run publish 'stdin:?id=reading' --to "$queue" --create <examples/fixtures/readings.jsonl

say 'From there into MongoDB. A message is acknowledged when it is stored.'
run subscribe --from "$queue" --to "$store"

say 'The same readings again, as after a failure: nothing is stored twice.'
run publish 'stdin:?id=reading' --to "$queue" <examples/fixtures/readings.jsonl
run subscribe --from "$queue" --to "$store"
