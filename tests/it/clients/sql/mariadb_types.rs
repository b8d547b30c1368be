//! What MariaDB's types become.

use super::{refusal, row, rows};
use crate::support::sql_server::Kind;
use kakehi::error::Kind as ErrorKind;

#[tokio::test]
async fn numbers_are_exact() {
    let database = Kind::MariaDb.database();
    let client = database.client();
    for (expression, json) in [
        ("cast(18446744073709551615 as unsigned)", "18446744073709551615"),
        ("-9223372036854775807 - 1", "-9223372036854775808"),
        ("cast(1.10 as decimal(30, 2))", "\"1.10\""),
        ("0.1e0", "0.1"),
        ("1e300", "1e+300"),
        ("true", "1"),
        ("null", "null"),
    ] {
        let object = row(&client, &format!("select {expression} as x")).await;
        assert_eq!(object, format!("{{\"x\":{json}}}"), "{expression}");
    }
}

#[tokio::test]
async fn each_type_of_a_column_has_its_form() {
    let database = Kind::MariaDb.database();
    let client = database.client();
    for (kind, literal, json) in [
        ("tinyint(1)", "1", "1"),
        ("bigint unsigned", "18446744073709551615", "18446744073709551615"),
        ("mediumint", "-8388608", "-8388608"),
        (
            "decimal(40, 10)",
            "123456789012345678901234567890.5",
            "\"123456789012345678901234567890.5000000000\"",
        ),
        ("float", "0.1", "0.1"),
        ("double", "0.1", "0.1"),
        (
            "bit(64)",
            "b'1000000000000000000000000000000000000000000000000000000000000001'",
            "9223372036854775809",
        ),
        ("bit(1)", "1", "1"),
        ("year", "2026", "2026"),
        ("date", "'2024-02-29'", "\"2024-02-29\""),
        ("time", "'-838:59:59'", "\"-838:59:59\""),
        ("time(3)", "'24:00:00.5'", "\"24:00:00.500\""),
        ("datetime", "'2026-11-26 18:53:00'", "\"2026-11-26T18:53:00\""),
        ("datetime(6)", "'2026-11-26 18:53:00.000001'", "\"2026-11-26T18:53:00.000001\""),
        ("timestamp null", "'2026-11-26 18:53:00'", "\"2026-11-26T18:53:00+00:00\""),
        ("timestamp(3) null", "'2026-11-26 18:53:00.25'", "\"2026-11-26T18:53:00.250+00:00\""),
        ("char(4)", "'山'", "\"山\""),
        ("varchar(20)", "'a\\\\\\n\"😀'", "\"a\\\\\\n\\\"😀\""),
        ("varchar(20) character set latin1", "'\u{e9}'", "\"\u{e9}\""),
        ("text", "''", "\"\""),
        ("longtext", "'{\"a\": 1}'", "\"{\\\"a\\\": 1}\""),
        (
            "json",
            "' {\"a\": 1.10, \"n\": 12345678901234567890} '",
            "{\"a\": 1.10, \"n\": 12345678901234567890}",
        ),
        ("enum('a', 'b')", "'b'", "\"b\""),
        ("set('a', 'b')", "'a,b'", "\"a,b\""),
        ("binary(3)", "x'00ff'", "\"AP8A\""),
        ("varbinary(9)", "x'00ff'", "\"AP8=\""),
        ("blob", "x''", "\"\""),
        (
            "uuid",
            "'01890000-0000-7000-8000-000000000000'",
            "\"01890000-0000-7000-8000-000000000000\"",
        ),
        ("inet6", "'::1'", "\"::1\""),
    ] {
        database.run(&format!(
            "set time_zone = '+00:00'; drop table if exists t; create table t (c {kind}); \
             insert into t values ({literal}), (null)"
        ));
        let seen = rows(&client, "select c from t order by c is null", &[]).await.unwrap();
        assert_eq!(seen, [format!("{{\"c\":{json}}}"), "{\"c\":null}".to_owned()], "{kind}");
        client.close().await;
    }
}

#[tokio::test]
async fn a_date_of_zeros_is_kept_as_it_is() {
    let database = Kind::MariaDb.database();
    database
        .run("set sql_mode = ''; create table t (d date, m datetime); insert into t values (0, 0)");
    let object = row(&database.client(), "select d, m from t").await;
    assert_eq!(object, r#"{"d":"0000-00-00","m":"0000-00-00T00:00:00"}"#);
}

#[tokio::test]
async fn json_is_known_by_its_column_under_any_name() {
    let database = Kind::MariaDb.database();
    database.run(
        "create table t (`my ``json` json, plain longtext, checked longtext check (json_valid(plain)));
         insert into t values ('[1]', '[2]', '[3]')",
    );
    let query = "select `my ``json` as j, plain, checked, json_object('a', 1) as made from t";
    let object = row(&database.client(), query).await;
    assert_eq!(object, r#"{"j":[1],"plain":"[2]","checked":"[3]","made":"{\"a\": 1}"}"#);
}

#[tokio::test]
async fn what_has_no_form_is_refused_by_its_name() {
    let database = Kind::MariaDb.database();
    let client = database.client();
    let error = refusal(&client, "select 1 as a, point(1, 2) as place").await;
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().starts_with("the column `place` has a type"), "{error}");
    let error = refusal(&client, "select 1 as a, 2 as a").await;
    assert!(error.to_string().starts_with("the query gives two columns `a`"), "{error}");
}
