#!/usr/bin/env bash
# Gets and starts the real servers that the tests need, runs every test, stops the servers.
#
#   bash tests/run.sh                     everything
#   bash tests/run.sh queues::contract    what follows goes to `cargo test`
#   bash tests/run.sh --long              the crash tests alone, for a quarter of an hour: thousands
#                                         of kills (KAKEHI_CRASH_KILLS), no servers; where it fails,
#                                         it names the KAKEHI_CRASH_SEED that leads there again
#   bash tests/run.sh --bench             the benches instead, on the same servers
#   bash tests/run.sh --fuzz [TARGET]     each fuzz target (fuzz/targets/) for a minute
#                                         (KAKEHI_FUZZ_SECONDS), no servers; what they have learned
#                                         stays in fuzz/corpus/
#
# A server whose address is given is used as it is:
#
#   TEST_MONGODB_URI                      mongodb://HOST:PORT, with user and password in it or in
#   TEST_MONGODB_USERNAME, TEST_MONGODB_PASSWORD
#   TEST_PUBSUB_EMULATOR_HOST             HOST:PORT
#   TEST_SQS_ENDPOINT                     http://HOST:PORT, as ElasticMQ or LocalStack
#   TEST_S3_ENDPOINT                      http://HOST:PORT, as LocalStack
#   TEST_REDIS_HOST                       HOST:PORT, without a password
#   TEST_MARIADB_HOST, TEST_POSTGRES_HOST HOST:PORT, both with the login of
#   TEST_SQL_USERNAME, TEST_SQL_PASSWORD  who may make databases and users
#   TEST_WEBDRIVER_HOST                   HOST:PORT of a chromedriver, which opens TEST_BROWSER,
#                                         the program; chromium-headless-shell unless that is set
#   TEST_OPEN_JTALK_VOICE                 a voice's file (.htsvoice), for Open JTalk
#
# Tests that stop, break or join servers of Redis, MariaDB or PostgreSQL start their own ones, so the
# programs of these must be there.
#
# The files of servers and tests lie in memory where that has room for them, unless TMPDIR says where.
#
# What is built is kept in KAKEHI_TEST_CACHE (~/.cache/kakehi-tests), CARGO_TARGET_DIR with it
# unless that is set.

# In messages, backticks quote names.
# shellcheck disable=SC2016
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ferretdb_version=1.24.2
moto_version=5.2.5
pillow_version=13.0.0
google_api_version=2.202.0
google_tasks_version=2.26.0
voice_version=0.4.1.post10
axe_version=4.14.1
axe_digest=e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
cache=${KAKEHI_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kakehi-tests}
ferretdb=$cache/ferretdb-$ferretdb_version-patched
# Python with moto, which speaks SQS and S3, with Pillow, which the benches compare with, and with
# Google's clients.
python=$cache/python-moto-$moto_version-pillow-$pillow_version
python+=-google-$google_api_version-$google_tasks_version
# A Japanese voice for Open JTalk, which a package of Python carries.
voice=$cache/voice-$voice_version/mei_normal.htsvoice
# What finds out whether a page can be used by everybody; a browser runs it in our pages.
axe=$cache/axe-core-$axe_version.js
# Programs in Go for the tests: on Google's clients; gocraft/work's own, and ours on it. They are
# built anew when their sources change.
digest() { # digest FOLDER: of all that is in it
  find "$1" -type f | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum | head -c 16
}
go_clients=$cache/go-clients-$(digest tests/clients/go)
gocraft=$cache/gocraft-$(digest tests/clients/gocraft)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}

long='' work=test
case ${1:-} in
  --long)
    long=1
    export KAKEHI_CRASH_KILLS=${KAKEHI_CRASH_KILLS:-3000}
    set -- --test it crash:: -- --nocapture
    ;;
  --bench)
    work=bench
    shift
    ;;
  --fuzz)
    work=fuzz
    shift
    ;;
esac

say() { printf 'tests/run.sh: %s\n' "$*"; }

# ---- what must be there --------------------------------------------------------------------------

# What is missing: Debian packages that have it, and what only a person can get.
packages=() missing=()

need() { # need COMMAND PACKAGE: a command of a Debian package
  command -v "$1" >/dev/null || packages+=("$2")
}

go_is_new_enough() {
  local version
  version=$(GOTOOLCHAIN=local go env GOVERSION) # go1.26.8
  version=${version#go}
  local major=${version%%.*} minor=${version#*.}
  minor=${minor%%[!0-9]*}
  ((major > 1 || minor >= 24))
}

find_emulator() { # where the emulator's start script is, in $emulator
  local root
  root=$(gcloud info --format='value(installation.sdk_root)' 2>/dev/null) || root=
  emulator=$root/platform/pubsub-emulator/bin/cloud-pubsub-emulator
  [[ -n $root && -f $emulator ]]
}

find_postgres() { # the folder of PostgreSQL's programs, in $postgres; no package puts it into the path
  local programs
  for programs in "$(dirname "$(command -v initdb)")" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
    [[ ! -x $programs/initdb || ! -x $programs/postgres ]] || postgres=$programs
  done
  [[ -n ${postgres:-} ]]
}

find_missing_for_build() {
  packages=() missing=()
  command -v cargo >/dev/null ||
    missing+=('a Rust toolchain, 1.91 or later: the installer of the Rust project, `rustup`')
  need cc build-essential
  need flock util-linux
  need setsid util-linux
  [[ $work != fuzz ]] || need c++ build-essential
}

find_missing_for_servers() {
  packages=() missing=()
  # The tests run Python of their own, too; an example runs curl, and a recipe sqlite3.
  need python3 python3-venv
  need curl curl
  need sqlite3 sqlite3
  need redis-server redis-server
  need redis-cli redis-tools
  need mariadbd mariadb-server-core
  need mariadb mariadb-client-core
  need psql postgresql-client
  need openssl openssl
  need setpriv util-linux
  find_postgres || packages+=(postgresql)
  [[ $work != bench ]] || need redis-benchmark redis-tools
  if [[ $work == test ]]; then
    need open_jtalk open-jtalk
    [[ -d /var/lib/mecab/dic/open-jtalk/naist-jdic ]] || packages+=(open-jtalk-mecab-naist-jdic)
    find_missing_for_pages
  fi
  [[ -e $python/complete ]] || python3 -c 'import ensurepip, venv' 2>/dev/null ||
    packages+=(python3-venv)
  if [[ -z ${TEST_MONGODB_URI:-} && ! -x $ferretdb || $work == test && ! -d $go_clients ||
    ! -d $gocraft ]]; then
    if ! command -v go >/dev/null; then
      packages+=(golang-go)
    elif ! go_is_new_enough; then
      missing+=("Go 1.24 or later, which builds FerretDB $ferretdb_version, Google's clients and
    gocraft/work: this one is $(go env GOVERSION); take Debian 13's \`golang-go\` or the Go project's
    archive")
    fi
  fi
  if [[ -z ${TEST_PUBSUB_EMULATOR_HOST:-} ]]; then
    need java default-jre-headless
    find_emulator || packages+=(google-cloud-cli-pubsub-emulator)
  fi
}

find_missing_for_pages() { # a browser, and letters for all that our pages show
  if [[ -z ${TEST_WEBDRIVER_HOST:-} ]]; then
    need chromium-headless-shell chromium-headless-shell
    need chromedriver chromium-driver
    need fc-list fontconfig
    has_font :lang=en || packages+=(fonts-dejavu-core)
    has_font :lang=ja || packages+=(fonts-noto-cjk)
    has_font 'Noto Color Emoji' || packages+=(fonts-noto-color-emoji)
  fi
  [[ -e $axe ]] || need npm npm
}

has_font() { [[ -n $(fc-list "$1" 2>/dev/null) ]]; }

may_install() { [[ $(id -u) == 0 && -f /etc/debian_version ]] && command -v apt-get >/dev/null; }

install_packages() {
  say "installing what is missing: apt-get install ${packages[*]}"
  apt_get update || true
  local package
  apt_get install "${packages[@]}" || for package in "${packages[@]}"; do # one that is nowhere stops no other
    apt_get install "$package" || true
  done
}

# In a session of its own: whoever stops this script leaves no package half installed.
apt_get() { # apt_get COMMAND [PACKAGE...]
  DEBIAN_FRONTEND=noninteractive setsid --wait \
    apt-get -qq --yes --no-install-recommends "$@" >/dev/null
}

require() { # require STEP: finds what is missing for it, and installs that where we may
  "find_missing_for_$1"
  if ((${#packages[@]})) && may_install; then
    install_packages
    "find_missing_for_$1"
  fi
  refuse_missing
}

refuse_missing() {
  ((${#packages[@]} + ${#missing[@]})) || return 0
  say 'the tests need what is not here:' >&2
  ((!${#missing[@]})) || printf '  %s\n' "${missing[@]}" >&2
  ((!${#packages[@]})) || printf '  %s\n' "apt-get install ${packages[*]}" >&2
  [[ ! ${packages[*]} == *pubsub* ]] ||
    printf '  %s\n' 'the Pub/Sub emulator is in the package repository of the Google Cloud SDK; or
    `gcloud components install pubsub-emulator`; or give TEST_PUBSUB_EMULATOR_HOST' >&2
  exit 1
}

# ---- nothing outlives this script ------------------------------------------------------------------

# Everything that takes time runs in a process group of its own, and the guard, a process that
# ignores signals, knows these groups. When the pipe to it ends, however this script ended, it stops
# them and removes the folder of the run.
guard_groups() {
  trap '' INT TERM HUP
  local word group tries keep=
  local -A groups=()
  while read -r word group; do
    case $word in
      start) groups[$group]=1 ;;
      end) unset "groups[$group]" ;;
      keep) keep=1 ;;
    esac
  done
  for group in "${!groups[@]}"; do kill -TERM -- "-$group" 2>/dev/null || true; done
  for group in "${!groups[@]}"; do
    for ((tries = 0; tries < 50; tries++)); do
      kill -0 -- "-$group" 2>/dev/null || continue 2
      sleep 0.1
    done
    kill -KILL -- "-$group" 2>/dev/null || true
  done
  if [[ $keep ]]; then rm -rf -- "$run"/{data,ferretdb,files,pipe}; else rm -rf -- "$run"; fi
}

# Whether what tests write fits into memory with room to spare, and programs may lie there: they make
# and remove files by the ten thousand, which costs a file system on a disk more than all that is in them.
memory_has_room() {
  local free available script ran=1
  free=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1) || return 1
  available=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo)
  ((free > 4 << 20 && available > 8 << 20)) || return 1
  script=$(mktemp /dev/shm/kakehi-tests.XXXXXX 2>/dev/null) || return 1
  printf '#!/bin/sh\n' >"$script"
  chmod +x "$script"
  ! "$script" 2>/dev/null || ran=0
  rm -f -- "$script"
  return "$ran"
}

start_guard() {
  if [[ $work == test && ! $long && -z ${TMPDIR:-} ]] && memory_has_room; then
    run=$(mktemp -d /dev/shm/kakehi-tests.XXXXXX)
    chmod 711 "$run"
    mkdir -m 755 "$run/files"
    export TMPDIR=$run/files
  else
    run=$(mktemp -d "${TMPDIR:-/tmp}/kakehi-tests.XXXXXX")
  fi
  mkdir "$run/data" "$run/logs"
  mkfifo "$run/pipe"
  set -m
  guard_groups <"$run/pipe" &
  guardian=$!
  set +m
  exec {guard}>"$run/pipe"
  trap 'exec {guard}>&-; wait "$guardian" || true' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

start() { # start COMMAND...: in a group of its own, its id in $job
  set -m
  "$@" </dev/null {guard}>&- {lock}>&- &
  job=$!
  set +m
  echo "start $job" >&"$guard"
}

finish() { # finish [JOB]: waits for it, or for $job, and answers as it did
  local status=0
  wait "${1:-$job}" || status=$?
  echo "end ${1:-$job}" >&"$guard"
  return "$status"
}

runs() { jobs -rp | grep -qx "$1"; } # runs JOB

lock_file() { # lock_file FILE WHAT: waits until no other run holds it; until this one ends, in $lock
  exec {lock}>&- {lock}>"$1"
  flock -n "$lock" && return
  say "waiting for another run, which $2" >&2
  until flock -n "$lock"; do sleep 0.5; done
}

# ---- servers -----------------------------------------------------------------------------------------

build_ferretdb() {
  [[ -x $ferretdb ]] && return
  lock_file "$ferretdb.lock" 'builds FerretDB'
  [[ -x $ferretdb ]] && return
  say "building FerretDB $ferretdb_version, once"
  compile_ferretdb &
  wait "$!" || { say 'FerretDB could not be built' >&2; exit 1; }
  exec {lock}>&-
}

# `go install` makes a program that stops at once: the module lacks the file with its own version.
# And it asks for one more empty exchange at the end of a login, also where the client said that it
# skips that, as the Rust driver does. Ours stores in SQLite: what speaks to PostgreSQL is left out.
compile_ferretdb() {
  local source=$run/ferretdb module told
  told=$(GOTOOLCHAIN=local go mod download -json "github.com/FerretDB/FerretDB@v$ferretdb_version") ||
    { printf '%s\n' "$told" >&2; return 1; } # it tells an error there, too
  module=$(sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p' <<<"$told")
  cp -R -- "$module" "$source"
  chmod -R u+w -- "$source"
  echo "v$ferretdb_version" >"$source/build/version/version.txt"
  sed -i 's|"done", valid, // for compatibility.*|"done", conv.Valid(),|' \
    "$source/internal/handler/msg_saslcontinue.go"
  grep -q '"done", conv.Valid(),' "$source/internal/handler/msg_saslcontinue.go"
  (cd "$source" && compile_go "$run/data/built" -tags ferretdb_no_postgresql ./cmd/ferretdb)
  # Another run must never see half of it.
  cp -- "$run/data/built" "$ferretdb.$$"
  mv -- "$ferretdb.$$" "$ferretdb"
}

build_go() { # build_go FOLDER WHAT COMPILE: programs in Go, unless they are there already
  [[ -d $1 ]] && return
  lock_file "${1%-*}.lock" "builds $2"
  [[ -d $1 ]] && return
  say "building $2, once"
  "$3" &
  wait "$!" || { say "$2 could not be built" >&2; exit 1; }
  exec {lock}>&-
}

# Each program twice: with version 1 of App Engine's package, and with version 2.
# shellcheck disable=SC2317 # `start` runs it
compile_go_clients() {
  local built=$run/data/go-clients
  mkdir -p "$built/v1" "$built/v2"
  (cd tests/clients/go && compile_go "$built/v1/" ./... && compile_go "$built/v2/" -tags v2 ./...)
  keep_built "$built" "$go_clients"
}

# shellcheck disable=SC2317 # `start` runs it
compile_gocraft() {
  local built=$run/data/gocraft tools=github.com/gocraft/work/cmd
  mkdir -p "$built"
  (cd tests/clients/gocraft && compile_go "$built/" ./... "$tools/workenqueue" "$tools/workwebui")
  keep_built "$built" "$gocraft"
}

# The compiler spends a fifth of its time on its garbage unless it is told to look for it less often.
# shellcheck disable=SC2317
compile_go() { # compile_go FOLDER ARGUMENTS...
  GOGC=${GOGC:-400} GOTOOLCHAIN=local CGO_ENABLED=0 \
    go build -trimpath -ldflags '-s -w' -gcflags all=-dwarf=false -o "$@"
}

# shellcheck disable=SC2317
keep_built() { # keep_built FROM TO: another run must never see half of it
  rm -rf -- "$2".*
  cp -R -- "$1" "$2.$$"
  mv -- "$2.$$" "$2"
}

install_python() {
  [[ -e $python/complete ]] && return
  lock_file "$python.lock" 'installs moto'
  [[ -e $python/complete ]] && return
  say "installing moto $moto_version, Pillow $pillow_version and Google's clients, once"
  fill_python &
  wait "$!" || { say "moto, Pillow or Google's clients could not be installed" >&2; exit 1; }
  exec {lock}>&-
}

# Of moto no more than is served: its `server` has all services, whose packages are half of these.
# shellcheck disable=SC2317 # `start` runs it
fill_python() {
  rm -rf -- "$python"
  python3 -m venv "$python"
  "$python/bin/pip" install --quiet --disable-pip-version-check --no-compile --only-binary :all: \
    "moto[s3]==$moto_version" flask flask-cors "pillow==$pillow_version" \
    "google-api-python-client==$google_api_version" "google-cloud-tasks==$google_tasks_version"
  touch "$python/complete"
}

install_voice() {
  [[ -e $voice ]] && return
  lock_file "$cache/voice.lock" 'gets a voice'
  [[ -e $voice ]] && return
  say 'getting a voice for Open JTalk, once'
  get_voice &
  wait "$!" || { say 'the voice could not be had; TEST_OPEN_JTALK_VOICE can name another' >&2; exit 1; }
  exec {lock}>&-
}

# shellcheck disable=SC2317 # `start` runs it
get_voice() {
  local got=$run/data/voice
  "$python/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --dest "$got" "pyopenjtalk-plus==$voice_version"
  "$python/bin/python" -m zipfile -e "$got"/*.whl "$got/whole"
  mkdir -p "${voice%/*}"
  # Another run must never see half of it.
  cp -- "$got/whole/pyopenjtalk/htsvoice/${voice##*/}" "$voice.$$"
  mv -- "$voice.$$" "$voice"
}

install_axe() {
  [[ -e $axe ]] && return
  lock_file "$cache/axe.lock" 'gets axe-core'
  [[ -e $axe ]] && return
  say "getting axe-core $axe_version, once"
  get_axe &
  wait "$!" || { say 'axe-core could not be had' >&2; exit 1; }
  exec {lock}>&-
}

# shellcheck disable=SC2317 # `start` runs it
get_axe() {
  local got=$run/data/axe
  mkdir -p "$got"
  npm pack --silent --pack-destination "$got" "axe-core@$axe_version" >/dev/null
  sha256sum --check --quiet <<<"$axe_digest  $got/axe-core-$axe_version.tgz"
  tar -xzf "$got/axe-core-$axe_version.tgz" -C "$got" package/axe.min.js
  # Another run must never see half of it.
  cp -- "$got/package/axe.min.js" "$axe.$$"
  mv -- "$axe.$$" "$axe"
}

# All that the tests use and no package has. Some of it waits for the network, and cargo builds beside it.
# shellcheck disable=SC2317 # `start` runs it
get_tools() {
  exec {lock}</dev/null
  [[ $long ]] && return
  ((!${#packages[@]})) || require servers
  [[ -n ${TEST_MONGODB_URI:-} ]] || build_ferretdb
  install_python
  build_go "$gocraft" 'gocraft/work in Go' compile_gocraft
  [[ $work == test ]] || return 0
  [[ -n ${TEST_OPEN_JTALK_VOICE:-} ]] || install_voice
  install_axe
  build_go "$go_clients" "Google's clients in Go" compile_go_clients
}

refused() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# How many there are of each: the emulator is slow with much to remember, moto does one thing at a
# time. `tests/each.py` shares the tests among them.
declare -A instances=([ferretdb]=1 [emulator]=3 [moto]=2 [redis]=1 [mariadb]=1 [postgres]=1
  [webdriver]=1)
# What a server's log holds when it is ready.
declare -A ready=([ferretdb]='Listening on' [emulator]='Server started' [moto]='Running on'
  [redis]='Ready to accept connections' [mariadb]='ready for connections'
  [postgres]='ready to accept connections' [webdriver]='started successfully')
declare -A ports=() jobs=()

# For the tests it looks for garbage less often, which takes most of its time. The benches measure it as
# it is.
# shellcheck disable=SC2317 # `launch` runs these
serve_ferretdb() { # serve_KIND PORT FOLDER
  mkdir -p "$2/mongodb" "$2/state"
  [[ $work != test ]] || export GOGC=${GOGC:-400}
  DO_NOT_TRACK=1 exec "$ferretdb" \
    --handler=sqlite --sqlite-url="file:$2/mongodb/" --state-dir="$2/state" \
    --listen-addr="127.0.0.1:$1" --debug-addr=- --telemetry=disable --log-level=info \
    --test-enable-new-auth --setup-database=admin \
    --setup-username="$TEST_MONGODB_USERNAME" --setup-password="$TEST_MONGODB_PASSWORD"
}

# For the tests one collector without threads of its own, and no second compiler: what runs for some
# minutes is not worth the processors' time that these take. The benches measure the emulator as it is.
# shellcheck disable=SC2317
serve_emulator() {
  [[ $work != test ]] ||
    export JAVA_TOOL_OPTIONS="-XX:+UseSerialGC -XX:TieredStopAtLevel=1 ${JAVA_TOOL_OPTIONS:-}"
  exec "$emulator" --host=127.0.0.1 --port="$1"
}

# shellcheck disable=SC2317
serve_moto() { exec "$python/bin/python" tests/aws_server.py -H 127.0.0.1 -p "$1"; }

# shellcheck disable=SC2317
serve_redis() {
  mkdir -p "$2"
  exec redis-server --bind 127.0.0.1 --port "$1" --dir "$2" --save ''
}

# shellcheck disable=SC2317
serve_mariadb() {
  local root=()
  ((UID)) || root=(--user=root)
  mkdir -p "$2"
  export TMPDIR=$2
  mariadb-install-db --no-defaults --datadir="$2/data" --auth-root-authentication-method=normal \
    --skip-test-db --innodb-log-file-size=4M "${root[@]}" >/dev/null
  printf "%s;\n" "create user '$TEST_SQL_USERNAME'@'%' identified by '$TEST_SQL_PASSWORD'" \
    "grant all on *.* to '$TEST_SQL_USERNAME'@'%' with grant option" >"$2/init.sql"
  exec mariadbd --no-defaults --datadir="$2/data" --socket="$2/s" --pid-file="$2/pid" --port="$1" \
    --bind-address=127.0.0.1 --skip-log-bin --performance-schema=OFF \
    --innodb-buffer-pool-size=128M --character-set-server=utf8mb4 --init-file="$2/init.sql" "${root[@]}"
}

# PostgreSQL refuses to be run by root.
# shellcheck disable=SC2317
serve_postgres() {
  local other=()
  mkdir -p "$2"
  printf '%s' "$TEST_SQL_PASSWORD" >"$2/password"
  if ((!UID)); then
    other=(setpriv --reuid=nobody --regid=nogroup --clear-groups --)
    chmod 711 "$run" "$run/data"
    chown -R nobody "$2"
  fi
  "${other[@]}" "$postgres/initdb" --no-sync -U "$TEST_SQL_USERNAME" --pwfile="$2/password" \
    --auth=scram-sha-256 -E UTF8 --locale=C -D "$2/data" >/dev/null
  exec "${other[@]}" "$postgres/postgres" -D "$2/data" -k '' -h 127.0.0.1 -p "$1" -F \
    -c dynamic_shared_memory_type=mmap
}

# A browser's windows have folders of their own below this one, which go with the run.
# shellcheck disable=SC2317
serve_webdriver() {
  mkdir -p "$2"
  HOME=$2 TMPDIR=$2 exec chromedriver --port="$1"
}

launch() { # launch KIND NUMBER: starts a server on a free port, and waits for nothing
  local server=$1-$2 port
  until port=$((20000 + RANDOM % 12000)) && refused "$port"; do :; done
  start "serve_$1" "$port" "$run/data/$server" >"$run/logs/$server.log" 2>&1
  disown "$job"
  ports[$server]=$port jobs[$server]=$job
}

await() { # await KIND NUMBER: waits until its log says that it is ready and its port answers
  local server=$1-$2 attempt deadline
  local log=$run/logs/$server.log
  for attempt in 1 2 3 4 5; do
    deadline=$((SECONDS + 60))
    while ((SECONDS < deadline)) && kill -0 "${jobs[$server]}" 2>/dev/null; do
      if grep -q "${ready[$1]}" "$log" && ! refused "${ports[$server]}"; then return; fi
      sleep 0.1
    done
    say "$server did not start (attempt $attempt); its log ends:" >&2
    tail -n 20 "$log" >&2
    launch "$@"
  done
  exit 1
}

each() { # each FUNCTION KIND: for every instance
  local number
  for ((number = 1; number <= instances[$2]; number++)); do "$1" "$2" "$number"; done
}

addresses() { # addresses KIND PREFIX [SUFFIX]: of all instances, with spaces between them
  local number all=()
  for ((number = 1; number <= instances[$1]; number++)); do
    all+=("${2}127.0.0.1:${ports[$1-$number]}${3-}")
  done
  echo "${all[*]}"
}

find_wanted() { # the kinds of servers that are not given, in $wanted
  wanted=()
  [[ -n ${TEST_MONGODB_URI:-} ]] || wanted+=(ferretdb)
  [[ -n ${TEST_PUBSUB_EMULATOR_HOST:-} ]] || wanted+=(emulator)
  [[ -n ${TEST_SQS_ENDPOINT:-} && -n ${TEST_S3_ENDPOINT:-} ]] || wanted+=(moto)
  [[ -n ${TEST_REDIS_HOST:-} ]] || wanted+=(redis)
  [[ -n ${TEST_MARIADB_HOST:-} ]] || wanted+=(mariadb)
  [[ -n ${TEST_POSTGRES_HOST:-} ]] || wanted+=(postgres)
  [[ $work == bench || -n ${TEST_WEBDRIVER_HOST:-} ]] || wanted+=(webdriver)
}

launch_servers() {
  local kind
  find_wanted
  if [[ " ${wanted[*]} " == *' ferretdb '* ]]; then
    export TEST_MONGODB_USERNAME='us:er@/?#[]%20' TEST_MONGODB_PASSWORD='p@ss:/w%rd?#[]&=+ $'
  fi
  # With the login of the one that is given, the other is started.
  export TEST_SQL_USERNAME=${TEST_SQL_USERNAME:-kakehi}
  export TEST_SQL_PASSWORD=${TEST_SQL_PASSWORD:-'p@ss:/w%rd?#[]&=+ $'}
  for kind in "${wanted[@]}"; do each launch "$kind"; done
}

await_servers() {
  local kind
  for kind in "${wanted[@]}"; do
    each await "$kind"
    case $kind in
      ferretdb) TEST_MONGODB_URI=$(addresses ferretdb mongodb:// /) ;;
      emulator) TEST_PUBSUB_EMULATOR_HOST=$(addresses emulator '') ;;
      moto)
        TEST_SQS_ENDPOINT=${TEST_SQS_ENDPOINT:-$(addresses moto http://)}
        TEST_S3_ENDPOINT=${TEST_S3_ENDPOINT:-$(addresses moto http://)}
        ;;
      redis) TEST_REDIS_HOST=$(addresses redis '') ;;
      mariadb) TEST_MARIADB_HOST=$(addresses mariadb '') ;;
      postgres) TEST_POSTGRES_HOST=$(addresses postgres '') ;;
      webdriver) TEST_WEBDRIVER_HOST=$(addresses webdriver '') ;;
    esac
  done
  export TEST_MONGODB_URI TEST_PUBSUB_EMULATOR_HOST TEST_SQS_ENDPOINT TEST_S3_ENDPOINT
  export TEST_REDIS_HOST TEST_MARIADB_HOST TEST_POSTGRES_HOST TEST_WEBDRIVER_HOST
  say "MongoDB's protocol: $TEST_MONGODB_URI"
  say "Pub/Sub: $TEST_PUBSUB_EMULATOR_HOST"
  say "SQS: $TEST_SQS_ENDPOINT"
  say "S3: $TEST_S3_ENDPOINT"
  say "Redis: $TEST_REDIS_HOST"
  say "MariaDB: $TEST_MARIADB_HOST"
  say "PostgreSQL: $TEST_POSTGRES_HOST"
  [[ $work == bench ]] || say "a browser: $TEST_WEBDRIVER_HOST"
}

use_tools() { # waits for them, and starts the servers
  finish "$tools"
  tools=''
  ((!${#packages[@]})) || find_missing_for_servers # with it, where they are now
  export TEST_PYTHON=$python/bin/python TEST_GO_CLIENTS=$go_clients TEST_GOCRAFT=$gocraft
  export TEST_POSTGRES_PROGRAMS=${postgres:-} TEST_AXE=$axe
  export TEST_BROWSER=${TEST_BROWSER:-$(command -v chromium-headless-shell)}
  export TEST_OPEN_JTALK_VOICE=${TEST_OPEN_JTALK_VOICE:-$voice}
  [[ $long ]] || launch_servers
}

# A server that died explains the tests that failed.
show_dead_servers() {
  local server log
  for server in "${!jobs[@]}"; do
    kill -0 "${jobs[$server]}" 2>/dev/null && continue
    say 'a server died while the tests ran; the logs end:' >&2
    for log in "$run"/logs/*; do tail -n 20 "$log" | sed "s|^|$(basename "$log"): |" >&2; done
    return
  done
}

# Often the first build is the only one, as where a change is tried on a new machine: it keeps nothing for a
# next one, which would take a sixth of the time of our own code. From the first change of a source on, what
# has not changed is taken up again.
keep_nothing_at_first() {
  local first=$CARGO_TARGET_DIR/kakehi-tests.first
  [[ -d $CARGO_TARGET_DIR/debug ]] || touch -- "$first"
  [[ -z ${CARGO_INCREMENTAL:-} && -e $first ]] || return 0
  if [[ $(find build.rs Cargo.* crates examples src tests/it tests/packaged -newer "$first" -print -quit) ]]; then
    rm -- "$first"
  else
    export CARGO_INCREMENTAL=0
  fi
}

# ---- fuzz targets ----------------------------------------------------------------------------------

cargo_fuzz=0.13.2

# The stable toolchain does without sanitizers: there is no unsafe code for them to watch.
fuzz() { # fuzz TARGET...: each for a while, on what it knows already and on the tests' fixtures
  if [[ "$("$cache/tools/bin/cargo-fuzz" --version 2>/dev/null)" != "cargo-fuzz $cargo_fuzz" ]]; then
    env -u CARGO_TARGET_DIR cargo install --locked --version "$cargo_fuzz" --root "$cache/tools" cargo-fuzz
  fi
  local target seconds=${KAKEHI_FUZZ_SECONDS:-60}
  cp -- Cargo.lock fuzz/ # the versions of the product
  mkdir -p fuzz/corpus/{device,job,jq,legacy,location,queue_yaml,rest,rpc_http,sql,stdin,template}
  cp -- tests/fixtures/nature-remo/*.json fuzz/corpus/device/
  split -l 1 -- tests/fixtures/legacy/readings.txt fuzz/corpus/legacy/reading-
  (($#)) || set -- device jq legacy location queue_yaml rest rpc_http sql stdin template
  for target; do
    say "fuzzing $target for $seconds s"
    PATH=$cache/tools/bin:$PATH cargo fuzz run -s none --target-dir "$cache/fuzz-target" "$target" \
      -- "-max_total_time=$seconds" -timeout=10 -print_final_stats=1 -verbosity=0
  done
}

# ---- the run -----------------------------------------------------------------------------------------

# Cargo runs test programs by `tests/each.py`: each test in a process of its own.
share_tests() {
  local host
  host=$(rustc -vV | sed -n 's/^host: //p')
  host=${host//-/_}
  export "CARGO_TARGET_${host^^}_RUNNER=python3 tests/each.py"
  export KAKEHI_TEST_TIMES=$cache/times.json
}

require build
if [[ ! $long && $work != fuzz ]]; then
  find_missing_for_servers
  # What can be installed is installed while cargo builds.
  if ((${#missing[@]})) || ! may_install; then refuse_missing; fi
fi
mkdir -p "$cache" "$CARGO_TARGET_DIR"
exec {lock}</dev/null
start_guard

if [[ $work == fuzz ]]; then
  start fuzz "$@"
  finish
  exit
fi

began=$SECONDS
start get_tools
tools=$job
if [[ ! $long && $work == test ]]; then
  if gcloud alpha tasks lease --help >/dev/null 2>&1 </dev/null; then
    export TEST_GCLOUD=gcloud
  else
    say 'left out: `gcloud alpha tasks`, which is not installed; its test looks at nothing'
  fi
fi

# The benches measure one of each.
[[ $work != bench ]] || instances=([ferretdb]=1 [emulator]=1 [moto]=1 [redis]=1 [mariadb]=1
  [postgres]=1)
wanted=()
# Where nothing was missing, servers start while cargo looks at what is built.
runs "$tools" || use_tools

# Another checkout would replace the programs under our tests.
lock_file "$CARGO_TARGET_DIR/kakehi-tests.lock" "uses $CARGO_TARGET_DIR"
[[ $work != test ]] || keep_nothing_at_first
# No more than what is asked for: what follows `--` is the test programs' own.
asked=()
for word; do
  [[ $word != -- ]] || break
  asked+=("$word")
done
# The compiler takes its memory in large pages, where Linux has them: with small ones it needs up to a tenth more.
start env MALLOC_CONF="${MALLOC_CONF:-thp:always}" \
  cargo "$work" --all-features --locked --no-run "${asked[@]}"
finish
built=$((SECONDS - began))

began=$SECONDS
[[ ! $tools ]] || use_tools
[[ $long ]] || await_servers
say "took: built ${built} s, servers waited for $((SECONDS - began)) s"

[[ $long || $work == bench ]] || share_tests
began=$SECONDS
start cargo "$work" --all-features --locked "$@"
status=0
finish || status=$?
say "took: tests $((SECONDS - began)) s"
if ((status)); then
  show_dead_servers
  echo keep >&"$guard"
  say "the servers' logs are kept in $run/logs" >&2
fi
exit "$status"
