#!/usr/bin/env bash
# Uploads: a server takes a picture, puts it into an object store and a message into a queue, and
# answers when both have it; a worker makes the thumbnail. The queue is an embedded one, and the store a
# folder. Needs curl, a Rust toolchain and nothing else.
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
server=
queue=sqlite:queue.db
finish() {
  [[ ! $server ]] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  [[ $queue != sqs:* ]] || queue delete "$queue" --yes >/dev/null || true
  rm -rf -- "$folder"
}
trap finish EXIT
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

store=file:store
wait=()
mkdir store
if [[ -n ${AWS_ENDPOINT_URL:-} ]]; then
  : "${KAKEHI_EXAMPLE_BUCKET:?name a bucket that is there}"
  export AWS_REGION=${AWS_REGION:-us-east-1}
  export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-test}
  export AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-test}
  store=s3://$KAKEHI_EXAMPLE_BUCKET
  queue=sqs:kakehi-example-$$
  wait=(--idle 10s)
fi
make_pictures pictures
pictures=(pictures/*.jpg)

say 'The server. Port 0 is any that is free; the log says which.'
printf '%s\n' "\$ publish 'listen:127.0.0.1:0/upload?store=$store&accept=image/*' --to $queue --create -v"
>log # the server's shell may come to it later than we do
publish "listen:127.0.0.1:0/upload?store=$store&accept=image/*" --to "$queue" --create -v 2>log &
server=$!
address=
while [[ ! $address ]]; do
  kill -0 "$server" || { cat log; exit 1; }
  address=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' log)
  read -rt 0.05 <> <(:) || true
done

say 'A picture, as a form sends it. It is answered once the store and the queue have it.'
run curl -sS --fail-with-body -F "file=@${pictures[0]}" "$address"

say 'Again under a key of its own, and once more: as if no answer had come. Both have one id.'
for _ in 1 2; do
  run curl -sS --fail-with-body -H 'Idempotency-Key: my-upload-1' -F "file=@${pictures[0]}" "$address"
done

say 'What is no picture is not taken, and the answer says so.'
run curl -sS -F 'file=@log' "$address"

say 'The server ends: what it has is finished.'
kill "$server" && wait "$server" || true
server=
sed -n '/published/p' log

say 'A worker makes the thumbnails, of whatever was uploaded.'
run subscribe --from "$queue" --to "thumbnail:$store?size=100x100" "${wait[@]}"
if [[ $store == file:* ]]; then
  run ls store/thumbnail
fi
