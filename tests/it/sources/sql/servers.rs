//! Announcements from MariaDB and PostgreSQL: times, instants, and servers that die in mid-read.

use crate::support::sandbox::Sandbox;
use crate::support::sql_server::{Database, Kind, SqlServer};
use crate::support::users::{QUERY, Ticking};
use chrono_tz::Tz;
use kakehi::Kind as ErrorKind;

/// Opens a source of a database, with an hour ahead, in Tokyo.
fn open(database: &Database, sandbox: &Sandbox, query: &str, more: &str) -> Ticking {
    let url = format!("sql:{}?query={query}&id=uid&ahead=1h{more}", database.url());
    let environment = database.variables().into_iter().collect();
    let start = "2026-11-26T08:53:00Z";
    Ticking::open_as(environment, sandbox, &url, Tz::Asia__Tokyo, start)
}

#[tokio::test]
async fn times_of_day_and_zones_are_those_of_the_rows() {
    for kind in Kind::ALL {
        let (server, sandbox) = (SqlServer::start(kind), Sandbox::new());
        let database = server.database();
        database.run(
            "create table users (uid int primary key, t time, zone varchar(40));
             create index by_time on users (t);
             insert into users values (1, '18:53:00', 'Asia/Tokyo'), (2, '18:53:59', 'Asia/Tokyo'),
               (3, '18:54:00', 'Asia/Tokyo'), (4, null, 'Asia/Tokyo'), (5, '10:53:00', 'Europe/Berlin'),
               (6, '23:59:30', 'Asia/Tokyo'), (7, '00:00:00', 'Asia/Tokyo')",
        );
        let mut ticking = open(&database, &sandbox, QUERY, "&at=t");
        let told = ticking.messages().await.unwrap();
        let body = r#"{"uid":1,"t":"18:53:00","at":"2026-11-26T18:53:00+09:00"}"#;
        assert_eq!((told.len(), &told[0].body[..]), (2, body.as_bytes()), "{kind:?}");
        assert_eq!(ticking.pass(1).tick().await, ["3/2026-11-26T09:54:00Z"]);
        assert_eq!(ticking.at("2026-11-26T13:59:00Z").tick().await, ["6/2026-11-26T14:59:30Z"]);
        assert_eq!(ticking.pass(1).tick().await, ["7/2026-11-26T15:00:00Z"]);
        let query = QUERY.replace(" where ", " where zone = :zone and ");
        let zones = "&at=t&zones=select distinct zone from users order by zone";
        let mut ticking = open(&database, &sandbox, &query, zones);
        assert_eq!(
            ticking.tick().await,
            ["1/2026-11-26T09:53:00Z", "2/2026-11-26T09:53:59Z", "5/2026-11-26T09:53:00Z"]
        );
    }
}

#[tokio::test]
async fn instants_are_compared_in_utc() {
    for (kind, statements) in [
        (
            Kind::MariaDb,
            "create table reminders (uid int primary key, t timestamp null);
             set time_zone = '+09:00';
             insert into reminders values (1, '2026-11-26 18:53:30')",
        ),
        (
            Kind::Postgres,
            "create table reminders (uid int primary key, t timestamptz);
             insert into reminders values (1, '2026-11-26T18:53:30+09:00')",
        ),
    ] {
        let (server, sandbox) = (SqlServer::start(kind), Sandbox::new());
        let database = server.database();
        database.run(statements);
        let query = "select uid, t from reminders where t >= :since and t < :until";
        let mut ticking = open(&database, &sandbox, query, "&at=t");
        let told = ticking.messages().await.unwrap();
        assert_eq!(told[0].id, "1/2026-11-26T09:53:30Z", "{kind:?}");
        let body = String::from_utf8_lossy(&told[0].body).into_owned();
        assert!(body.ends_with(r#""at":"2026-11-26T18:53:30+09:00"}"#), "{body}");
        assert_eq!(ticking.pass(1).tick().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_server_that_dies_in_mid_read_costs_nobody() {
    for kind in Kind::ALL {
        let (mut server, sandbox) = (SqlServer::start(kind), Sandbox::new());
        let database = server.database();
        let numbers = match kind {
            Kind::MariaDb => "seq, '18:53:00', repeat('x', 10000) from seq_1_to_10000",
            Kind::Postgres => "n, '18:53:00', repeat('x', 10000) from generate_series(1, 10000) n",
        };
        database.run(&format!(
            "create table users (uid int primary key, t time, note text);
             insert into users select {numbers}"
        ));
        let query = QUERY.replace("uid, t ", "uid, t, note ");
        let mut ticking = open(&database, &sandbox, &query, "&at=t");
        let mut read = ticking.begin().await.unwrap().expect("a batch");
        server.end();
        let error = loop {
            match ticking.batch().await {
                Ok(Some(more)) => read += more,
                Ok(None) => panic!("{kind:?}: all {read} rows came from a server that is dead"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{kind:?}: {error}");
        assert_eq!(ticking.pass(1).messages().await.unwrap_err().kind(), ErrorKind::Unreachable);
        server.start_again();
        let ids = ticking.pass(1).tick().await;
        assert_eq!((ids.len(), ids[0].as_str()), (10000, "1/2026-11-26T09:53:00Z"), "{kind:?}");
        assert_eq!(ticking.pass(1).tick().await.len(), 0);
    }
}
