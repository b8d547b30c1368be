//! Servers that freeze, or die, in the middle of whatever they do.

use super::{all, prepare, row, statement};
use crate::support::proxy::{Proxy, Way};
use crate::support::redis_server::wait_for;
use crate::support::sql_server::{Database, Kind, SqlServer};
use kakehi::clients::sql::{Client, RowStream};
use kakehi::error::Kind as ErrorKind;
use nix::sys::signal::Signal;

/// More than stands in the buffers on the way: 100 MB.
fn long_query(kind: Kind) -> &'static str {
    match kind {
        Kind::MariaDb => "select seq as n, repeat('x', 10000) as x from seq_1_to_10000",
        Kind::Postgres => "select n, repeat('x', 10000) as x from generate_series(1, 10000) as n",
    }
}

/// A client by way of a proxy that waits so many seconds for a connection, and for an answer.
fn through(database: &Database, proxy: &Proxy, connect: u32, query: u32) -> Client {
    let url = database.url_at(&proxy.address());
    let url = format!("{url}?connect-timeout={connect}s&query-timeout={query}s");
    database.client_of(&url).expect("a URL")
}

/// A query whose first rows have come.
async fn begun(client: &Client, kind: Kind) -> RowStream {
    let mut stream = client.query(&statement(client, long_query(kind)), &[]).await.unwrap();
    assert!(!stream.next().await.unwrap().expect("rows").rows.is_empty());
    stream
}

#[tokio::test]
async fn a_server_that_is_frozen_from_the_start_is_unreachable() {
    for kind in Kind::ALL {
        let database = kind.database();
        let proxy = Proxy::start(database.address());
        proxy.stall();
        let client = through(&database, &proxy, 1, 60);
        let error = prepare(&client, "select 1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.to_string().contains("no connection came about within 1s"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_freezes_is_unreachable_until_it_thaws() {
    for kind in Kind::ALL {
        let database = kind.database();
        let proxy = Proxy::start(database.address());
        let client = through(&database, &proxy, 5, 3);
        let mut stream = begun(&client, kind).await;
        proxy.stall();
        let error = all(&mut stream).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.to_string().contains("did not answer within 3s"), "{error}");
        drop(stream);
        proxy.restore();
        assert_eq!(row(&client, "select 1 as x").await, "{\"x\":1}");
        proxy.stall();
        let error = prepare(&client, "select 1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        proxy.restore();
        assert_eq!(row(&client, "select 1 as x").await, "{\"x\":1}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_mid_read_loses_no_row_in_silence() {
    for kind in Kind::ALL {
        let database = kind.database();
        let proxy = Proxy::start(database.address());
        let client = through(&database, &proxy, 60, 60);
        for bytes in [1, 1000, 100_000, 10_000_000] {
            proxy.restore();
            let mut stream = begun(&client, kind).await;
            proxy.cut_after(Way::Answer, bytes);
            let error = all(&mut stream).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        }
        proxy.restore();
        let mut stream = client.query(&statement(&client, long_query(kind)), &[]).await.unwrap();
        assert_eq!(all(&mut stream).await.unwrap().len(), 10_000);
    }
}

/// Waits until the server knows of no connection to the database but its own.
fn wait_until_nobody_is_connected(database: &Database, kind: Kind) {
    let others = match kind {
        Kind::MariaDb => {
            "select count(*) from information_schema.processlist \
             where db = database() and id <> connection_id()"
        }
        Kind::Postgres => {
            "select count(*) from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid()"
        }
    };
    wait_for("our connections are gone", || (database.run(others).trim() == "0").then_some(()));
}

#[tokio::test]
async fn who_wants_no_more_rows_frees_the_server() {
    for kind in Kind::ALL {
        let database = kind.database();
        let client = database.client();
        drop(begun(&client, kind).await);
        assert_eq!(row(&client, "select 1 as x").await, "{\"x\":1}");
        client.close().await;
        wait_until_nobody_is_connected(&database, kind);
    }
}

// What was dropped is taken down by another thread, while this one waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_not_go_on_with_what_is_given_up() {
    for (kind, query) in [
        (Kind::MariaDb, "select sleep(1000) as x"),
        (Kind::Postgres, "select 1 as x from pg_sleep(1000)"),
    ] {
        let database = kind.database();
        let url = database.url() + "?query-timeout=2s";
        let client = database.client_of(&url).expect("a URL");
        let mut stream = client.query(&statement(&client, query), &[]).await.unwrap();
        let error = all(&mut stream).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        drop(stream);
        client.close().await; // where the query has ended in time, its connection is kept
        wait_until_nobody_is_connected(&database, kind);
    }
}

#[tokio::test]
async fn a_server_that_is_killed_in_mid_read_can_be_asked_again() {
    for kind in Kind::ALL {
        let mut server = SqlServer::start(kind);
        let database = server.database();
        let client = database.client();
        let mut stream = begun(&client, kind).await;
        server.end();
        let read = all(&mut stream).await;
        // PostgreSQL's own process for a connection may finish what it has begun.
        if kind == Kind::MariaDb {
            assert_eq!(read.unwrap_err().kind(), ErrorKind::Unreachable);
        }
        drop(stream);
        client.close().await;
        let error = prepare(&client, "select 1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        server.start_again();
        assert_eq!(row(&client, "select 1 as x").await, "{\"x\":1}");
    }
}

#[tokio::test]
async fn a_server_that_is_stopped_is_unreachable() {
    for kind in Kind::ALL {
        let server = SqlServer::start(kind);
        let database = server.database();
        let impatient = database.client_of(&(database.url() + "?connect-timeout=1s")).unwrap();
        server.signal(Signal::SIGSTOP);
        let error = prepare(&impatient, "select 1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        server.signal(Signal::SIGCONT);
        assert_eq!(row(&database.client(), "select 1 as x").await, "{\"x\":1}");
    }
}
