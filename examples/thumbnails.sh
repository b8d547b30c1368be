#!/usr/bin/env bash
# Thumbnails: pictures are put into an object store, a message for each goes through a queue, and
# workers put a small picture beside each of them. The queue is an embedded one, and the store a
# folder. Needs a Rust toolchain and nothing else.
#
# With AWS_ENDPOINT_URL the queue is one of SQS and the store is in S3, on the server at that address,
# as LocalStack or moto; KAKEHI_EXAMPLE_BUCKET names a bucket that is there.
# KAKEHI_BIN names a folder that holds the programs already; without it they are built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -z ${KAKEHI_BIN:-} ]]; then
  cargo build --release --locked --bins --example make_pictures
  KAKEHI_BIN=${CARGO_TARGET_DIR:-target}/release
fi
KAKEHI_BIN=$(cd "$KAKEHI_BIN" && pwd)
PATH=$KAKEHI_BIN:$KAKEHI_BIN/examples:$PATH

folder=$(mktemp -d "${TMPDIR:-/tmp}/kakehi-example.XXXXXX")
trap 'rm -rf -- "$folder"' EXIT
cd "$folder"
export XDG_DATA_HOME=$folder/data KAKEHI_CONFIG=/dev/null

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

make_pictures pictures
if [[ -n ${AWS_ENDPOINT_URL:-} ]]; then
  : "${KAKEHI_EXAMPLE_BUCKET:?name a bucket that is there}"
  export AWS_REGION=${AWS_REGION:-us-east-1}
  export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-test}
  export AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-test}
  store=s3://$KAKEHI_EXAMPLE_BUCKET
  queue=sqs:kakehi-example-$$
  wait=(--idle 10s)
  trap 'queue delete "$queue" --yes >/dev/null; queue delete "$queue-dead" --yes >/dev/null
    rm -rf -- "$folder"' EXIT
else
  mkdir store
  store=file:store
  queue=sqlite:queue.db
  wait=()
fi

say 'Each picture into the store, and a message for each into the queue.'
run publish "files:pictures/*?store=$store" --to "$queue" --create

say 'Three workers, ten messages at a time. What is no picture becomes a dead letter: exit code 65.'
code=0
run subscribe --from "$queue" --to "thumbnail:$store?size=100x100" --batch 10 --concurrency 3 \
  "${wait[@]}" --lease 30s --grace 30s || code=$?
[[ $code == 65 ]] || exit "$code"

say 'Why it is one:'
run queue dead list "$queue" --take

if [[ -d store ]]; then
  say 'The thumbnails:'
  run ls store/thumbnail
fi
