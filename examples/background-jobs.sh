#!/usr/bin/env bash
# Background jobs in Redis, as gocraft/work has them: its Go programs, any program that can push into
# a Redis list, and these commands share one queue. A job is enqueued from a shell and by two bare
# commands of Redis, worked on by a command, held back, repeated by the clock, tried again after it
# failed, and brought back from the dead.
#
# Needs Redis (`redis-server` and `redis-cli`), which is started here on a port of its own, and a Rust
# toolchain. KAKEHI_BIN names a folder that holds the programs already; without it they are built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for tool in redis-server redis-cli; do
  command -v "$tool" >/dev/null || { echo "this example needs \`$tool\`: install Redis" >&2; exit 1; }
done
if [[ -z ${KAKEHI_BIN:-} ]]; then
  # No more than this example runs, made ready soon rather than fast.
  cargo build --profile example --locked --no-default-features --features redis \
    --bin publish --bin subscribe --bin queue
  KAKEHI_BIN=${CARGO_TARGET_DIR:-target}/example
fi
KAKEHI_BIN=$(cd "$KAKEHI_BIN" && pwd)
PATH=$KAKEHI_BIN:$PATH

folder=$(mktemp -d "${TMPDIR:-/tmp}/kakehi-example.XXXXXX")
server=
finish() {
  [[ ! $server ]] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  rm -rf -- "$folder"
}
trap finish EXIT
cd "$folder"
export HOME=$folder XDG_DATA_HOME=$folder/data KAKEHI_CONFIG=/dev/null

say() { echo && printf '# %s\n' "$@"; }
run() { # shows a command as one would type it, and runs it
  local word line='$'
  for word; do
    [[ $word == *[?*\&\ \"]* ]] && word="'$word'"
    line+=" $word"
  done
  printf '%s\n' "$line"
  "$@"
}

# A log on disk, so that what was enqueued outlasts the server.
start_redis() {
  local tries
  for ((tries = 0; tries < 20; tries++)); do
    port=$((20000 + RANDOM % 12000))
    redis-server --bind 127.0.0.1 --port "$port" --save '' --appendonly yes --dir "$folder" \
      >redis.log &
    server=$!
    while kill -0 "$server" 2>/dev/null; do
      [[ $(redis-cli -p "$port" ping 2>/dev/null) != PONG ]] || return 0
      sleep 0.05
    done
  done
  cat redis.log >&2
  exit 1
}
start_redis
redis="redis://127.0.0.1:$port/0?namespace=shop"

say 'Enqueue from a shell: a line of JSON is the arguments of a job.'
echo '{"address":"a@example.com","subject":"hello"}' >mail
run publish stdin: --to "$redis&job=send_email" <mail

say 'Enqueue from any program: two commands of Redis, as a blog once showed in Ruby.'
job='{"name":"send_email","id":"0123456789abcdef01234567","t":1540000000,'
job+='"args":{"address":"b@example.com","subject":"hello"}}'
run redis-cli -p "$port" lpush shop:jobs:send_email "$job"
run redis-cli -p "$port" sadd shop:known_jobs send_email

say 'A worker: a command, once for each job, with the arguments on its standard input.'
run subscribe --from "$redis&job=send_email" -- sh -c 'echo "sent: $(cat)"'

say 'Priorities: of two kinds of jobs, one nearly always goes first.'
printf '%s\n' '{"n":1,"job":"report"}' '{"n":2,"job":"alarm"}' '{"n":3,"job":"report"}' >lines
run publish 'stdin:?tag=job' --to "$redis" <lines
run subscribe --from "$redis&job=alarm,report&priority=alarm:100000,report:1" --concurrency 1 \
  -- sh -c 'echo "$KAKEHI_TAG: $(cat)"'

say 'A unique job: while one with these arguments waits, another one is a duplicate.'
echo '{"customer":42}' >customer
run publish stdin: --to "$redis&job=invoice&unique" <customer
run publish stdin: --to "$redis&job=invoice&unique" <customer

say 'A scheduled one waits for its time, or until somebody runs it now.'
run publish stdin: --to "$redis&job=reminder&delay=1h" <customer
run queue scheduled run "$redis&job=reminder" --all --yes
run subscribe --from "$redis&job=reminder" -- sh -c 'echo "reminded: $(cat)"'

say 'A periodic one: whichever worker runs puts the next minutes in, once.'
run subscribe --from "$redis&job=cleanup&periodic=cleanup:0 * * * * *" \
  --follow --max-time 3s -- true
run queue stats "$redis&job=cleanup"

say 'One that fails is tried again later, here at once, and is dead after the second attempt.'
echo '{"card":"expired"}' >card
run publish stdin: --to "$redis&job=charge" <card
fails=(--max-attempts 2 -- sh -c 'echo "declined" >&2; exit 1')
run subscribe --from "$redis&job=charge" "${fails[@]}" || true
run queue scheduled run "$redis&job=charge" --all --yes
run subscribe --from "$redis&job=charge" "${fails[@]}" || true
run queue dead list "$redis&job=charge"
run queue dead redrive "$redis&job=charge" --all --yes
run subscribe --from "$redis&job=charge" -- sh -c 'echo "charged: $(cat)"'

say 'A stop in mid-work: the job goes back to where it was, and the next worker has it.'
run publish stdin: --to "$redis&job=slow" <customer
subscribe --from "$redis&job=slow" --follow --grace 0s -- sh -c 'touch begun; sleep 60' &
worker=$!
until [[ -e begun ]]; do sleep 0.05; done
kill -TERM "$worker"
wait "$worker" || true
run subscribe --from "$redis&job=slow" -- sh -c 'echo "done: $(cat)"'
