#!/usr/bin/env bash
# Announcements from end to end: users have a time of day at which they want to hear the weather, and
# an hour before it a message for each goes into a queue. A worker speaks each into an object store.
#
# The users are in a SQLite file that this script makes. Needs a Rust toolchain and Python 3.
# KAKEHI_EXAMPLE_DATABASE and KAKEHI_EXAMPLE_QUEUE name another database, as
# mysql://HOST/DB with such a table in it, and another queue, as sqs:NAME; user and password are in
# SQL_USERNAME and SQL_PASSWORD. KAKEHI_EXAMPLE_STORE is a store, as s3://BUCKET; KAKEHI_EXAMPLE_VOICE a
# voice of Google's, as ja-JP-Neural2-B (its key in GOOGLE_API_KEY_FILE); KAKEHI_EXAMPLE_AREA an area of
# the Japan Meteorological Agency, as 130010, whose weather is said.
#
# KAKEHI_BIN names a folder that holds the programs already; without it they are built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -z ${KAKEHI_BIN:-} ]]; then
  # No more than this example runs, made ready soon rather than fast.
  cargo build --profile example --locked --no-default-features --features sql,speech \
    --bin publish --bin subscribe
  KAKEHI_BIN=${CARGO_TARGET_DIR:-target}/example
fi
KAKEHI_BIN=$(cd "$KAKEHI_BIN" && pwd)
PATH=$KAKEHI_BIN:$PATH

folder=$(mktemp -d "${TMPDIR:-/tmp}/kakehi-example.XXXXXX")
trap 'rm -rf -- "$folder"' EXIT
cd "$folder"
# Where the programs keep what is theirs.
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

say 'Another replica, which knows of nothing: its messages have the same ids, so none is spoken twice.'
run publish "$source&state=replica.json" --to "$queue" --at 2026-11-26T17:53:00+09:00

if [[ -z ${KAKEHI_EXAMPLE_DATABASE:-} ]]; then
  say 'A restart that took until 18:20, and a user who moved to 19:00 meanwhile: nobody is missed.'
  sql 'update users set weather_announcement_time = "19:00:00" where uid = 4'
  run publish "$source" --to "$queue" --at 2026-11-26T18:20:00+09:00
fi

say 'What is in the queue, which a rehearsal leaves there:'
run subscribe --from "$queue" --to stdout: --debug

# Who speaks: Google; else Open JTalk, where it and a voice of it are; else a tone.
dictionary=/var/lib/mecab/dic/open-jtalk/naist-jdic
htsvoice=${KAKEHI_EXAMPLE_HTSVOICE:-/usr/share/hts-voice/nitech-jp-atr503-m001/nitech_jp_atr503_m001.htsvoice}
if [[ -n ${KAKEHI_EXAMPLE_VOICE:-} ]]; then
  engine="engine=google&voice=$KAKEHI_EXAMPLE_VOICE"
elif command -v open_jtalk >/dev/null && [[ -d $dictionary && -f $htsvoice ]]; then
  engine="engine=command&command=open_jtalk -x $dictionary -m $htsvoice -ow /dev/stdout"
else
  say 'Open JTalk is not here, or no voice of it (KAKEHI_EXAMPLE_HTSVOICE): a tone stands for speech.'
  cat >tone.sh <<'TONE'
printf 'RIFF\044\077\0\0WAVEfmt \020\0\0\0\001\0\001\0\100\037\0\0\100\037\0\0\001\0\010\0data\0\077\0\0'
yes '~~~~~~~~        ' | head -c 16128
TONE
  engine='engine=command&command=sh tone.sh'
fi
if [[ -n ${KAKEHI_EXAMPLE_AREA:-} ]]; then
  cat >weather.txt <<'TEXT'
{{weather.area}}の{{weather.day}}の天気は{{weather.sky}}{% if weather.max %}、最高気温は{{weather.max}}度{% endif %}です。
TEXT
  text="text-file=weather.txt&weather=jma&area=$KAKEHI_EXAMPLE_AREA"
else
  text='text=東京の本日の天気は晴れ時々曇り、最高気温は25度です。'
fi
store=${KAKEHI_EXAMPLE_STORE:-file:announcements}
[[ $store != file:announcements ]] || mkdir announcements

say 'A worker speaks each of them into the store: users, kinds and times are its folders and names.'
run subscribe --from "$queue" --to "speech:$store?$engine&key={{uid}}/{{type}}/{{at}}&$text"
[[ $store != file:announcements ]] || run find announcements -type f

if [[ -z ${KAKEHI_EXAMPLE_DATABASE:-} ]]; then
  say 'The same announcements from a queue that knows of none: what is there is not spoken again.'
  run publish "$source&state=again.json" --to sqlite:again.db --at 2026-11-26T17:53:00+09:00
  run subscribe --from sqlite:again.db --to "speech:$store?$engine&key={{uid}}/{{type}}/{{at}}&$text"
fi

cat <<'END'

# The same for real, each minute, from MariaDB into SQS:
#   export SQL_USERNAME=... SQL_PASSWORD_FILE=...
#   publish 'sql:mysql://HOST/clocky?query-file=users.sql&at=...' \
#     --every '0 * * * * *' --to sqs:announcements
#   export GOOGLE_API_KEY_FILE=...
#   subscribe --from sqs:announcements --follow --to 'speech:s3://clocky?engine=google&voice=...'
END
