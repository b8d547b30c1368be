#!/usr/bin/env bash
# Pull queues, as App Engine had them: tasks are leased for a time, by anybody, and deleted once the
# work is done. Each step is told twice, on the same queues: by HTTP, as App Engine's clients speak,
# and from the command line. Needs curl, a Rust toolchain and nothing else.
#
# KAKEHI_BIN names a folder that holds the programs already; without it they are built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -z ${KAKEHI_BIN:-} ]]; then
  # No more than this example runs, made ready soon rather than fast.
  cargo build --profile example --locked --no-default-features --features serve \
    --bin publish --bin queue
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
export KAKEHI_CONFIG=/dev/null
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
call() { # call METHOD PATH [JSON]: shows a request to the server, sends it and tells the answer
  local body=${3-} join='?'
  [[ $2 != *'?'* ]] || join='&'
  # No more of the answer than is told here, and on one line.
  local part='id,tag,retry_count'
  [[ $2 != */lease* ]] || part="items($part)"
  [[ $1 != DELETE ]] || part=
  printf '%s\n' "\$ curl -X $1 \"\$server/$2\"${body:+ -d '$body'}"
  curl -sS --fail-with-body -X "$1" -H 'Content-Type: application/json' --data "$body" \
    "$base/$2${join}prettyPrint=false${part:+&fields=$part}"
  [[ $1 == DELETE ]] || echo
}
receipts() { # the receipts that `queue lease --json` gave
  sed -n 's/.*"receipt":"\([^"]*\)".*/\1/p' leased
}

cat >queue.yaml <<'YAML'
queue:
- name: pull-queue
  mode: pull
- name: fragile
  mode: pull
  retry_parameters:
    task_retry_limit: 2
YAML
queue serve sqlite:tasks.db --queues queue.yaml --listen 127.0.0.1:0 2>server.log &
server=$!
until address=$(sed -n 's/^listening on //p' server.log) && [[ $address ]]; do
  kill -0 "$server" || { cat server.log && exit 1; }
  sleep 0.05
done
base=$address/taskqueue/v1beta2/projects/demo/taskqueues
pull='sqlite:tasks.db?queue=pull-queue'

say 'Add tasks, each with a tag.'
call POST pull-queue/tasks '{"id": "parse-1", "tag": "parse", "payloadBase64": "eyJuIjoxfQ=="}'
call POST pull-queue/tasks '{"id": "render-1", "tag": "render", "payloadBase64": "eyJuIjoxfQ=="}'
printf '%s\n' '{"n":2,"tag":"parse"}' '{"n":2,"tag":"render"}' >lines
run publish 'stdin:?tag=tag' --to "$pull" <lines

say 'Lease those of a tag for an hour; or of the tag of the oldest.'
call POST 'pull-queue/tasks/lease?numTasks=1&leaseSecs=3600&groupByTag=true&tag=render'
run queue lease "$pull" -n 100 --for 1h --tag render --json | tee leased
call POST 'pull-queue/tasks/lease?numTasks=1&leaseSecs=3600&groupByTag=true'
run queue lease "$pull" -n 100 --for 1h --oldest-tag --json | tee -a leased

say 'The work takes longer: extend.'
call PATCH 'pull-queue/tasks/render-1?newLeaseSeconds=7200' '{"queueName": "pull-queue"}'
mapfile -t receipts < <(receipts)
run queue extend "$pull" "${receipts[0]}" --for 2h

say 'The work is done: delete.'
call DELETE pull-queue/tasks/render-1
call DELETE pull-queue/tasks/parse-1
run queue ack "$pull" "${receipts[@]}"

say 'A worker that dies: its lease of a second ends, and whoever waits gets the task.'
call POST pull-queue/tasks '{"id": "again", "payloadBase64": "eyJuIjozfQ=="}'
call POST 'pull-queue/tasks/lease?numTasks=100&leaseSecs=1'
call POST 'pull-queue/tasks/lease?numTasks=100&leaseSecs=1&wait=20'
run queue lease "$pull" -n 100 --for 1h --wait 20s

say 'What fails twice where two leases are the limit is a dead letter with its reason.'
call POST fragile/tasks '{"id": "hopeless", "payloadBase64": "eyJuIjo0fQ=="}'
call POST 'fragile/tasks/lease?numTasks=100&leaseSecs=0'
run queue lease 'sqlite:tasks.db?queue=fragile' -n 100 --for 1s
call POST 'fragile/tasks/lease?numTasks=100&leaseSecs=0&wait=2'
run queue dead list 'sqlite:tasks.db?queue=fragile'
