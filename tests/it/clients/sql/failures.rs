//! What servers refuse: each with its kind, what the server says, and what to do.

use super::{prepare, refusal, row, rows};
use crate::support::redis_server::free_port;
use crate::support::sql_server::{Kind, open};
use kakehi::error::Kind as ErrorKind;

#[tokio::test]
async fn a_wrong_login_is_refused_without_the_password() {
    for kind in Kind::ALL {
        let database = kind.database();
        for (user, password) in [("kakehi", "hunter2"), ("nobody-here", "hunter2")] {
            let login = [("SQL_USERNAME", user), ("SQL_PASSWORD", password)].into_iter().collect();
            let client = open(&database.url(), &login).unwrap();
            let error = prepare(&client, "select 1 as x").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Credentials, "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert!(error.to_string().contains("`SQL_PASSWORD`"), "{error}");
        }
        let login = [("SQL_USERNAME", "kakehi")].into_iter().collect();
        let error = prepare(&open(&database.url(), &login).unwrap(), "select 1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    for kind in Kind::ALL {
        let database = kind.database();
        let url = database.url_at(&format!("127.0.0.1:{}", free_port()));
        let error = prepare(&database.client_of(&url).unwrap(), "select 1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert!(error.to_string().contains("refused"), "{error}");
    }
}

#[tokio::test]
async fn a_database_or_a_table_that_is_not_there_is_named() {
    for kind in Kind::ALL {
        let database = kind.database();
        let url = database.url().replace(database.name(), "no_such_database");
        let error = prepare(&database.client_of(&url).unwrap(), "select 1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.to_string().contains("name a database that is there"), "{error}");
        let client = database.client();
        for (query, told) in [
            ("select x from no_such_table", "no_such_table"),
            ("select no_such_column", "no_such_column"),
            ("selekt 1", "selekt"),
        ] {
            let error = refusal(&client, query).await;
            assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
            assert!(error.to_string().contains(told), "{error}");
            client.close().await;
        }
    }
}

#[tokio::test]
async fn a_table_that_we_may_not_read_is_a_matter_of_credentials() {
    for kind in Kind::ALL {
        let database = kind.database();
        let name = format!("u{}", &uuid::Uuid::now_v7().simple().to_string()[12..]);
        database.run(&match kind {
            Kind::MariaDb => format!(
                "create table t (x int); create table other (x int);
                 create user {name}@'%' identified by 'secret'; grant select on other to {name}@'%'"
            ),
            Kind::Postgres => {
                format!("create table t (x int); create user {name} password 'secret'")
            }
        });
        let login = [("SQL_USERNAME", &*name), ("SQL_PASSWORD", "secret")].into_iter().collect();
        let client = open(&database.url(), &login).unwrap();
        let error = refusal(&client, "select x from t").await;
        assert_eq!(error.kind(), ErrorKind::Credentials, "{error}");
        client.close().await;
        database.run(&format!("drop user {name}"));
    }
}

#[tokio::test]
async fn nothing_can_be_written() {
    for kind in Kind::ALL {
        let database = kind.database();
        database.run(match kind {
            Kind::MariaDb => {
                "create table t (x int);\ndelimiter //\ncreate function f() returns int \
                 modifies sql data begin insert into t values (1); return 1; end//"
            }
            Kind::Postgres => {
                "create table t (x int); create function f() returns int language sql as
                 'insert into t values (1) returning x'"
            }
        });
        let client = database.client();
        for query in
            ["insert into t values (1)", "insert into t values (1) returning x", "delete from t"]
        {
            let error = rows(&client, query, &[]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{query}: {error}");
        }
        let error = rows(&client, "select f() as x", &[]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.to_string().contains("only reads"), "{error}");
        assert_eq!(row(&client, "select count(*) as n from t").await, "{\"n\":0}");
    }
}

#[tokio::test]
async fn what_stands_in_a_row_is_not_told() {
    let database = Kind::Postgres.database();
    database.run("create table t (x text); insert into t values ('hunter2')");
    let client = database.client();
    let error = rows(&client, "select x::int from t", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
