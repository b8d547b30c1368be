#!/usr/bin/env bash
# An alert beside the main job: Nature Remo's readings go into the queue `default`, which is drained
# into the store, and in the same transaction into the queue `alerts`, which tells a webhook in Slack's
# JSON when a temperature is above a threshold. Neither waits for the other.
#
# The readings are recorded ones, served by this example itself, since the real API needs a token.
# Needs a Rust toolchain and Python 3. WEBHOOK_URL_FILE names a file with your webhook's address;
# without it a webhook of this example's own shows what it is told.
# KAKEHI_BIN names a folder that holds the programs already; without it they are built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -z ${KAKEHI_BIN:-} ]]; then
  # No more than this example runs, made ready soon rather than fast.
  cargo build --profile example --locked --no-default-features --features example-tools,jq,webhook \
    --bin publish --bin subscribe --bin queue --bin serve_fixture --bin show_store
  KAKEHI_BIN=${CARGO_TARGET_DIR:-target}/example
fi
KAKEHI_BIN=$(cd "$KAKEHI_BIN" && pwd)
examples=$PWD/examples
PATH=$KAKEHI_BIN:$PATH
[[ -z ${WEBHOOK_URL_FILE:-} ]] || WEBHOOK_URL_FILE=$(realpath "$WEBHOOK_URL_FILE")

folder=$(mktemp -d "${TMPDIR:-/tmp}/kakehi-example.XXXXXX")
trap 'rm -rf -- "$folder"' EXIT
cd "$folder"

say() { echo && printf '# %s\n' "$@"; }

# The API and the webhook end with the pipe to them, and so with this script.
coproc servers {
  exec 3<&0
  if [[ -z ${WEBHOOK_URL_FILE:-} ]]; then
    python3 "$examples/show_webhook.py" "$folder/told" <&3 &
  else
    echo its-own/
  fi
  exec serve_fixture "$examples/fixtures/devices_typical.json" <&3
}
to=webhook:
for _ in 1 2; do
  read -r address <&"${servers[0]}"
  case $address in
    # A webhook on this machine has a private address, which has to be meant.
    http*/) (umask 077 && echo "$address" >webhook) && WEBHOOK_URL_FILE=$folder/webhook to=webhook:?allow-private ;;
    http*) NATURE_REMO_ENDPOINT=$address ;;
  esac
done
export NATURE_REMO_ENDPOINT NATURE_REMO_TOKEN=any-token-will-do
# Where the programs keep what is theirs: the queue and the store of the main job.
export XDG_DATA_HOME=$folder/data KAKEHI_CONFIG=/dev/null
export WEBHOOK_URL_FILE
above=16.5

say "A second queue for whatever is published to \`default\`, the main job's, from now on."
queue create 'sqlite:?queue=alerts&topic=default'

say 'The main job: one poll of every device, into the store. It knows nothing of alerts.'
publish nature-remo:
subscribe
show_store data/kakehi/store.db messages

say "The other reader tells the webhook of what is above $above degrees. The rest is left out."
subscribe --from 'sqlite:?queue=alerts' --to "$to" \
  --where ".newest_events.te.val > $above" \
  --map '.newest_events.te as $te
    | {text: "\(.name): \($te.val) °C, above '$above' (\($te.created_at))"}'
[[ ! -e told ]] || cat told

say 'The same with a message for each value that changed: told once, not at every poll. The name of' \
  'the device stands beside such a body, in an attribute.'
for _ in 1 2; do
  publish 'nature-remo:?mode=changes'
done
subscribe --from 'sqlite:?queue=alerts' --to "$to" \
  --where ".kind == \"te\" and .val > $above" \
  --map '{text: "\($message.attributes.name): \(.val) °C, above '$above' (\(.created_at))"}'
[[ ! -e told ]] || cat told
