#!/usr/bin/env bash
# An alert beside the store: each reading goes into the queue `readings`, which is drained into the
# store, and in the same transaction into the queue `alerts`, which tells a webhook in Slack's JSON
# when a temperature is above a threshold. Neither waits for the other.
#
# Needs a Rust toolchain and Python 3. SLACK_WEBHOOK_FILE names a file with your webhook's address;
# without it a webhook of this example's own shows what it is told.
# KAKEHI_BIN names a folder that holds the programs already; without it they are built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -z ${KAKEHI_BIN:-} ]]; then
  cargo build --release --locked --bins --example show_store
  KAKEHI_BIN=${CARGO_TARGET_DIR:-target}/release
fi
KAKEHI_BIN=$(cd "$KAKEHI_BIN" && pwd)
examples=$PWD/examples
PATH=$KAKEHI_BIN:$KAKEHI_BIN/examples:$PATH
[[ -z ${SLACK_WEBHOOK_FILE:-} ]] || SLACK_WEBHOOK_FILE=$(realpath "$SLACK_WEBHOOK_FILE")

folder=$(mktemp -d "${TMPDIR:-/tmp}/kakehi-example.XXXXXX")
trap 'rm -rf -- "$folder"' EXIT
cd "$folder"

say() { echo && printf '# %s\n' "$@"; }

if [[ -z ${SLACK_WEBHOOK_FILE:-} ]]; then
  # It ends with the pipe to it, and so with this script.
  coproc webhook { exec python3 "$examples/show_webhook.py" "$folder/told"; }
  read -r address <&"${webhook[0]}"
  (umask 077 && echo "$address" >webhook)
  SLACK_WEBHOOK_FILE=$folder/webhook
fi
export SLACK_WEBHOOK_FILE ALERT_ABOVE=13

say 'A second queue for whatever is published to `readings` from now on.'
queue create 'sqlite:queue.db?queue=alerts&topic=readings'

say 'Five readings, published once.'
publish 'stdin:?id=reading' --to 'sqlite:queue.db?queue=readings' \
  <"$examples/fixtures/readings.jsonl"

say 'One subscriber stores them, and knows nothing of alerts.'
subscribe --from 'sqlite:queue.db?queue=readings' --to 'sqlite:store.db?collection=readings'
show_store store.db readings

say "The other tells the webhook of what is above $ALERT_ABOVE degrees."
subscribe --from 'sqlite:queue.db?queue=alerts' -- python3 "$examples/slack_alert.py"
[[ ! -e told ]] || cat told
