//! A SQLite file of somebody else's, which is read and left as it is.

use super::{prepare, refusal, row, rows};
use crate::support::sql_server::open;
use kakehi::clients::sql::Client;
use kakehi::environment::Environment;
use kakehi::error::Kind;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn file(statements: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("users.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(statements).unwrap();
    (folder, path)
}

fn client(path: &Path) -> Client {
    open(&format!("sqlite:{}", path.display()), &Environment::default()).unwrap()
}

#[tokio::test]
async fn each_value_has_its_form() {
    let (_folder, path) = file(
        "create table t (i integer, r real, t text, b blob, j json, n, d decimal(9, 2));
         insert into t values (9223372036854775807, 0.1, 'a\"山', x'00ff', ' {\"a\": 1.10}', null, 1.5)",
    );
    let object = row(&client(&path), "select *, 9e999 as inf from t").await;
    assert_eq!(
        object,
        r#"{"i":9223372036854775807,"r":0.1,"t":"a\"山","b":"AP8=","j":{"a": 1.10},"n":null,"d":1.5,"inf":"Infinity"}"#
    );
}

#[tokio::test]
async fn what_cannot_be_json_is_refused_by_its_column() {
    let (_folder, path) =
        file("create table t (j json, x text); insert into t values ('{', cast(x'ff' as text))");
    for (column, told) in [("j", "text that is not JSON"), ("x", "text that is not UTF-8")] {
        let query = format!("select {column} from t");
        let error = rows(&client(&path), &query, &[]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Configuration);
        assert!(error.to_string().starts_with(&format!("the column `{column}` holds {told}")));
    }
    let error = refusal(&client(&path), "select 1 as a, 2 as a").await;
    assert!(error.to_string().starts_with("the query gives two columns `a`"), "{error}");
}

#[tokio::test]
async fn nothing_is_written_or_made() {
    let (folder, path) = file("create table t (x); insert into t values (1)");
    let client = client(&path);
    for query in [
        "delete from t",
        "delete from t returning x",
        "insert into t values (2) returning x",
        "pragma user_version = 5",
        "attach 'other.db' as other",
        "vacuum",
        "begin",
    ] {
        assert_eq!(refusal(&client, query).await.kind(), Kind::Configuration, "{query}");
    }
    assert_eq!(rows(&client, "select x from t", &[]).await.unwrap(), ["{\"x\":1}"]);
    let missing =
        open(&format!("sqlite:{}", folder.path().join("no.db").display()), &Environment::default());
    let error = prepare(&missing.unwrap(), "select 1").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration);
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["users.db"]);
}

#[tokio::test]
async fn a_wrong_query_or_file_says_what_is_wrong() {
    let (folder, path) = file("create table t (x)");
    let error = refusal(&client(&path), "select y from t").await;
    assert_eq!(error.kind(), Kind::Configuration);
    assert!(error.to_string().contains("no such column: y"), "{error}");
    let other = folder.path().join("other.db");
    std::fs::write(&other, "no database, but text that is long enough to be one of them").unwrap();
    let error = prepare(&client(&other), "select 1").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration);
    let error = open("sqlite:", &Environment::default()).err().expect("no file");
    assert_eq!(error.kind(), Kind::Usage);
    let error = open("sqlite:a.db?tls=off", &Environment::default()).err().expect("no TLS");
    assert!(error.to_string().contains("unknown parameter `tls`"), "{error}");
}

#[tokio::test]
async fn a_locked_file_is_unreachable() {
    let (_folder, path) = file("create table t (x)");
    let locker = rusqlite::Connection::open(&path).unwrap();
    locker.execute_batch("begin exclusive").unwrap();
    let error = prepare(&client(&path), "select x from t").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    locker.execute_batch("commit").unwrap();
    assert!(prepare(&client(&path), "select x from t").await.is_ok());
}

const ENDLESS: &str = "with recursive n(i) as (select 1 union all select i + 1 from n) ";

#[tokio::test]
async fn a_query_without_end_is_given_up() {
    let (_folder, path) = file("create table t (x)");
    let url = format!("sqlite:{}?query-timeout=300ms", path.display());
    let client = open(&url, &Environment::default()).unwrap();
    let error =
        rows(&client, &format!("{ENDLESS} select max(i) as x from n"), &[]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.to_string().contains("did not answer within 300ms"), "{error}");
    assert_eq!(row(&client, "select 1 as x").await, "{\"x\":1}");
}

#[tokio::test]
async fn who_wants_no_more_rows_stops_the_query() {
    let (_folder, path) = file("create table t (x)");
    let client = client(&path);
    let endless = super::statement(&client, &format!("{ENDLESS} select i from n"));
    for _ in 0..3 {
        let mut stream = client.query(&endless, &[]).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().rows.len(), 1000);
    }
    assert_eq!(row(&client, "select 1 as x").await, "{\"x\":1}");
}
