#!/usr/bin/env bash
# The main job from end to end: Nature Remo readings through the embedded queue into the embedded
# store. The readings are recorded ones, served by this example itself, since the real API needs a
# token. Needs a Rust toolchain and nothing else.
#
# KAKEHI_BIN names a folder that holds the programs already; without it they are built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -z ${KAKEHI_BIN:-} ]]; then
  # No more than this example runs, made ready soon rather than fast.
  cargo build --profile example --locked --no-default-features --features example-tools \
    --bin publish --bin subscribe --bin store --bin serve_fixture --bin show_store
  KAKEHI_BIN=${CARGO_TARGET_DIR:-target}/example
fi
KAKEHI_BIN=$(cd "$KAKEHI_BIN" && pwd)
fixture=$PWD/examples/fixtures/devices_typical.json
PATH=$KAKEHI_BIN:$PATH

folder=$(mktemp -d "${TMPDIR:-/tmp}/kakehi-example.XXXXXX")
trap 'rm -rf -- "$folder"' EXIT
cd "$folder"

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

# The server ends with the pipe to it, and so with this script.
coproc server { exec serve_fixture "$fixture"; }
read -r NATURE_REMO_ENDPOINT <&"${server[0]}"
export NATURE_REMO_ENDPOINT NATURE_REMO_TOKEN=any-token-will-do
# Where the programs keep what is theirs.
export XDG_DATA_HOME=$folder/data KAKEHI_CONFIG=/dev/null

say 'One poll: a message per device into the queue. Then the queue into the store.'
run publish nature-remo: --to sqlite:queue.db
run subscribe --from sqlite:queue.db --to 'sqlite:store.db?collection=readings'

say 'What was stored:'
run show_store store.db readings

say 'Now a message for each sensor value that changed since the last poll.'
run publish 'nature-remo:?mode=changes' --to sqlite:queue.db
run subscribe --from sqlite:queue.db --to 'sqlite:store.db?collection=events'

say 'The same after the publisher lost its memory: everything is published again,' \
  'every message has the id that it had, and nothing is stored twice.'
run rm -r data
run publish 'nature-remo:?mode=changes' --to sqlite:queue.db
run subscribe --from sqlite:queue.db --to 'sqlite:store.db?collection=events'
run show_store store.db events

say 'What each room said last. These were recorded, so all of them are old.'
run store latest 'sqlite:store.db?collection=readings'

cat <<'END'

# This build knows no HTTPS and no cloud, and is slow. The programs as they are
# meant, which takes longer:
#   cargo install --path . --locked --profile dist --features launchers \
#     --root ~/.local
#
# The same commands for real. Your own devices, with a token from
# https://home.nature.global:
#   export NATURE_REMO_TOKEN=...
# through Pub/Sub:
#   publish nature-remo: --to pubsub://PROJECT/readings --create
#   subscribe --from pubsub://PROJECT/readings
# into MongoDB:
#   export MONGODB_USERNAME=... MONGODB_PASSWORD=...
#   subscribe --to 'mongodb://HOST/home?collection=readings'
# and every five minutes: see cron/
END
