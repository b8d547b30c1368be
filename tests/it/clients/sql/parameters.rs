//! Named parameters: text that compares as the column's own type, on every kind of database.

use super::rows;
use crate::support::sql_server::{Database, Kind, open};
use chrono::{DateTime, Utc};
use kakehi::clients::sql::Client;
use kakehi::environment::Environment;
use tempfile::TempDir;

/// Times of day, days and instants; the type of an instant, and how the server writes that of UTC.
fn table(instant: &str, utc: &str) -> String {
    let rows = [
        (1, "18:52:59", "2026-11-25", "2026-11-26 09:52:59"),
        (2, "18:53:00", "2026-11-26", "2026-11-26 09:53:00"),
        (3, "18:53:59", "2026-11-26", "2026-11-26 09:53:59"),
        (4, "23:59:59", "2026-11-27", "2026-11-26 14:59:59"),
    ];
    let rows = rows.map(|(uid, t, d, seen)| format!("({uid}, '{t}', '{d}', '{seen}{utc}')"));
    format!(
        "create table users (uid int, t time, d date, seen {instant}); \
         insert into users values {}",
        rows.join(", ")
    )
}

/// A database with the table in it.
struct Stage {
    client: Client,
    _database: Option<Database>,
    _folder: Option<TempDir>,
}

/// One of each kind.
fn stages() -> [Stage; 3] {
    let on_server = |kind: Kind, statements: &str| {
        let database = kind.database();
        database.run(statements);
        Stage { client: database.client(), _database: Some(database), _folder: None }
    };
    let mariadb = format!("set time_zone = '+00:00'; {}", table("timestamp null", ""));
    [
        on_server(Kind::MariaDb, &mariadb),
        on_server(Kind::Postgres, &table("timestamptz", "+00")),
        in_file(),
    ]
}

fn in_file() -> Stage {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("users.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch(&table("text", "")).unwrap();
    let url = format!("sqlite:{}", file.display());
    let client = open(&url, &Environment::default()).unwrap();
    Stage { client, _database: None, _folder: Some(folder) }
}

async fn uids(client: &Client, condition: &str, values: &[(&str, String)]) -> Vec<String> {
    let text = format!("select uid from users where {condition} order by uid");
    let rows = rows(client, &text, values).await.unwrap();
    rows.iter().map(|row| row.replace(|c: char| !c.is_ascii_digit(), "")).collect()
}

#[tokio::test]
async fn times_dates_and_instants_compare_as_what_they_are() {
    let own = str::to_owned;
    let at = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
    for stage in stages() {
        let client = &stage.client;
        let minute = [("from", own("18:53:00")), ("to", own("18:54:00"))];
        let window = "t >= :from and t < :to";
        assert_eq!(uids(client, window, &minute).await, ["2", "3"]);
        let evening = [("from", own("18:53:59")), ("to", own("24:00:00"))];
        assert_eq!(uids(client, window, &evening).await, ["3", "4"]);
        let day = [("date", own("2026-11-26"))];
        assert_eq!(uids(client, "d = :date and :date = d", &day).await, ["2", "3"]);
        let instant = |text| client.dialect().instant(at(text));
        let since = [
            ("since", instant("2026-11-26T09:53:00Z")),
            ("until", instant("2026-11-26T14:59:59Z")),
        ];
        assert_eq!(uids(client, "seen >= :since and seen < :until", &since).await, ["2", "3"]);
        client.close().await;
    }
}

#[tokio::test]
async fn a_query_without_parameters_is_one_too() {
    for stage in stages() {
        assert_eq!(uids(&stage.client, "uid < 3", &[]).await, ["1", "2"]);
    }
}

#[tokio::test]
async fn a_value_is_never_part_of_the_statement() {
    for stage in stages() {
        let evil = [("zone", "' or '1'='1".to_owned())];
        assert!(uids(&stage.client, "'x' = :zone", &evil).await.is_empty());
    }
}
