#!/usr/bin/env bash
# Announcements from end to end: users have a time of day at which they want to hear the weather, and
# an hour before it a message for each goes into a queue.
#
# The users are in a SQLite file that this script makes. Needs a Rust toolchain and Python 3.
# KAKEHI_EXAMPLE_DATABASE and KAKEHI_EXAMPLE_QUEUE name another database, as
# mysql://HOST/DB with such a table in it, and another queue, as sqs:NAME; user and password are in
# SQL_USERNAME and SQL_PASSWORD.
#
# KAKEHI_BIN names a folder that holds the programs already; without it they are built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -z ${KAKEHI_BIN:-} ]]; then
  # No more than this example runs, made ready soon rather than fast.
  cargo build --profile example --locked --no-default-features --features sql \
    --bin publish --bin subscribe
  KAKEHI_BIN=${CARGO_TARGET_DIR:-target}/example
fi
KAKEHI_BIN=$(cd "$KAKEHI_BIN" && pwd)
PATH=$KAKEHI_BIN:$PATH

folder=$(mktemp -d "${TMPDIR:-/tmp}/kakehi-example.XXXXXX")
trap 'rm -rf -- "$folder"' EXIT
cd "$folder"
# Where the programs keep what is theirs.
export XDG_DATA_HOME=$folder/data

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

sql() { # sql STATEMENTS: on the users of this example
  python3 -c 'import sqlite3, sys; sqlite3.connect("users.db").executescript(sys.argv[1])' "$1"
}

if [[ -z ${KAKEHI_EXAMPLE_DATABASE:-} ]]; then
  sql 'create table users (uid integer primary key, type text, weather_announcement_time time);
    create index by_time on users (weather_announcement_time);
    insert into users values (1, "weather", "18:53:00"), (2, "weather", "18:53:30"),
      (3, "weather", "18:54:00"), (4, "weather", "07:00:00"), (5, "weather", null);'
fi
cat >users.sql <<'SQL'
select uid, type, weather_announcement_time from users
where weather_announcement_time >= :from and weather_announcement_time < :to
SQL

source="sql:${KAKEHI_EXAMPLE_DATABASE:-sqlite:users.db}?query-file=users.sql"
source+='&at=weather_announcement_time&ahead=1h&id=uid,type'
queue=${KAKEHI_EXAMPLE_QUEUE:-sqlite:queue.db}

say 'What a tick at 17:53 would publish: who wants to hear something at 18:53.'
run publish "$source" --to "$queue" --at 2026-11-26T17:53:00+09:00 --dry-run

say 'That tick, and the one after it: each announcement is a message.'
run publish "$source" --to "$queue" --at 2026-11-26T17:53:00+09:00
run publish "$source" --to "$queue" --at 2026-11-26T17:54:00+09:00

say 'Ticks that find nobody say so, in one line.'
run publish -v "$source" --to "$queue" --at 2026-11-26T17:55:00+09:00

say 'Another replica, which knows of nothing: no announcement is in the queue twice.'
run publish "$source&state=replica.json" --to "$queue" --at 2026-11-26T17:53:00+09:00

if [[ -z ${KAKEHI_EXAMPLE_DATABASE:-} ]]; then
  say 'A restart that took until 18:20, and a user who moved to 19:00 meanwhile: nobody is missed.'
  sql 'update users set weather_announcement_time = "19:00:00" where uid = 4'
  run publish "$source" --to "$queue" --at 2026-11-26T18:20:00+09:00
fi

say 'What is in the queue:'
run subscribe --from "$queue" --to stdout:

cat <<'END'

# The same for real, each minute, from MariaDB into SQS:
#   export SQL_USERNAME=... SQL_PASSWORD_FILE=...
#   publish 'sql:mysql://HOST/clocky?query-file=users.sql&at=...' \
#     --every '0 * * * * *' --to sqs:announcements
END
