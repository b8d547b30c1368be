#!/usr/bin/env bash
# An alert beside the main job: Nature Remo's readings go into the queue `default`, which is drained
# into the store, and in the same transaction into the queue `alerts`, which tells a webhook in Slack's
# JSON when a temperature is above a threshold. Neither waits for the other.
#
# The readings are recorded ones, served by this example itself, since the real API needs a token.
# Needs a Rust toolchain and Python 3. SLACK_WEBHOOK_FILE names a file with your webhook's address;
# without it a webhook of this example's own shows what it is told.
# KAKEHI_BIN names a folder that holds the programs already; without it they are built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -z ${KAKEHI_BIN:-} ]]; then
  # No more than this example runs, made ready soon rather than fast.
  cargo build --profile example --locked --no-default-features --features example-tools \
    --bin publish --bin subscribe --bin queue --bin serve_fixture --bin show_store
  KAKEHI_BIN=${CARGO_TARGET_DIR:-target}/example
fi
KAKEHI_BIN=$(cd "$KAKEHI_BIN" && pwd)
examples=$PWD/examples
PATH=$KAKEHI_BIN:$PATH
[[ -z ${SLACK_WEBHOOK_FILE:-} ]] || SLACK_WEBHOOK_FILE=$(realpath "$SLACK_WEBHOOK_FILE")

folder=$(mktemp -d "${TMPDIR:-/tmp}/kakehi-example.XXXXXX")
trap 'rm -rf -- "$folder"' EXIT
cd "$folder"

say() { echo && printf '# %s\n' "$@"; }

# The API and the webhook end with the pipe to them, and so with this script.
coproc servers {
  exec 3<&0
  if [[ -z ${SLACK_WEBHOOK_FILE:-} ]]; then
    python3 "$examples/show_webhook.py" "$folder/told" <&3 &
  else
    echo its-own/
  fi
  exec serve_fixture "$examples/fixtures/devices_typical.json" <&3
}
for _ in 1 2; do
  read -r address <&"${servers[0]}"
  case $address in
    http*/) (umask 077 && echo "$address" >webhook) && SLACK_WEBHOOK_FILE=$folder/webhook ;;
    http*) NATURE_REMO_ENDPOINT=$address ;;
  esac
done
export NATURE_REMO_ENDPOINT NATURE_REMO_TOKEN=any-token-will-do
# Where the programs keep what is theirs: the queue and the store of the main job.
export XDG_DATA_HOME=$folder/data
export SLACK_WEBHOOK_FILE ALERT_ABOVE=16.5

say "A second queue for whatever is published to \`default\`, the main job's, from now on."
queue create 'sqlite:?queue=alerts&topic=default'

say 'The main job: one poll of every device, into the store. It knows nothing of alerts.'
publish nature-remo:
subscribe
show_store data/kakehi/store.db messages

say "The other reader tells the webhook of what is above $ALERT_ABOVE degrees."
subscribe --from 'sqlite:?queue=alerts' -- python3 "$examples/slack_alert.py"
[[ ! -e told ]] || cat told

say 'The same with a message for each value that changed: told once, not at every poll.'
for _ in 1 2; do
  publish 'nature-remo:?mode=changes'
done
subscribe --from 'sqlite:?queue=alerts' -- python3 "$examples/slack_alert.py"
[[ ! -e told ]] || cat told
