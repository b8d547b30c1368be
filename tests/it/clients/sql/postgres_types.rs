//! What PostgreSQL's types become.

use super::{refusal, row, rows};
use crate::support::sql_server::Kind;
use kakehi::error::Kind as ErrorKind;

#[tokio::test]
async fn each_type_has_its_form() {
    let database = Kind::Postgres.database();
    database.run("create type mood as enum ('sad', 'o\"k'); create domain age as int8");
    let client = database.client();
    for (expression, json) in [
        ("true", "true"),
        ("(-9223372036854775808)::int8", "-9223372036854775808"),
        ("4294967295::oid", "\"4294967295\""),
        ("1.10::numeric", "\"1.10\""),
        ("'NaN'::numeric", "\"NaN\""),
        ("0.1::float4", "0.1"),
        ("0.1::float8", "0.1"),
        ("'NaN'::float8", "\"NaN\""),
        ("'-Infinity'::float8", "\"-Infinity\""),
        ("E'a\\\\\\n\"😀'::text", "\"a\\\\\\n\\\"😀\""),
        ("'a'::char(3)", "\"a\""),
        ("'x'", "\"x\""),
        ("'\\x00ff'::bytea", "\"AP8=\""),
        (
            "' {\"b\": 1.10, \"a\": 12345678901234567890}'::json",
            " {\"b\": 1.10, \"a\": 12345678901234567890}",
        ),
        ("'{\"b\": 1.10, \"a\": null}'::jsonb", "{\"a\": null, \"b\": 1.10}"),
        ("'null'::json", "null"),
        ("date '2024-02-29'", "\"2024-02-29\""),
        ("time '24:00:00'", "\"24:00:00\""),
        ("time '18:53:00.5'", "\"18:53:00.5\""),
        ("timetz '18:53:00+09'", "\"18:53:00+09\""),
        ("timestamp '2026-11-26 18:53:00'", "\"2026-11-26T18:53:00\""),
        ("timestamptz '2026-11-26 18:53:00+09'", "\"2026-11-26T09:53:00+00:00\""),
        ("timestamp 'infinity'", "\"infinity\""),
        ("interval '1 day 2 hours'", "\"P1DT2H\""),
        (
            "'01890000-0000-7000-8000-000000000000'::uuid",
            "\"01890000-0000-7000-8000-000000000000\"",
        ),
        ("'::1/64'::inet", "\"::1/64\""),
        ("b'101'", "\"101\""),
        ("'o\"k'::mood", "\"o\\\"k\""),
        ("5::age", "5"),
        ("array[1, null, 9223372036854775807]", "[1,null,9223372036854775807]"),
        ("array['a\"', null]", "[\"a\\\"\",null]"),
        ("array[1.10, 'NaN']::numeric[]", "[\"1.10\",\"NaN\"]"),
        ("array[array[1, 2]]", "[[1,2]]"),
        ("null::text", "null"),
        ("null::bytea", "null"),
        ("null", "null"),
    ] {
        let object = row(&client, &format!("select {expression} as \"x y\"")).await;
        assert_eq!(object, format!("{{\"x y\":{json}}}"), "{expression}");
    }
}

#[tokio::test]
async fn long_bytes_are_one_line_of_base64() {
    let database = Kind::Postgres.database();
    let client = database.client();
    let object = row(&client, "select decode(repeat('ff', 1000), 'hex') as b").await;
    assert_eq!(object.len(), "{'b':''}".len() + 1336, "{object}");
    assert!(!object.contains("\\n"), "{object}");
}

#[tokio::test]
async fn any_query_can_be_asked() {
    let database = Kind::Postgres.database();
    let client = database.client();
    for text in [
        "with a as (select 2 as n union all select 1) select n from a order by n -- a comment",
        "values (1), (2);",
        "select n from generate_series(1, 2) as n order by n; /* done */",
        "(select 1 as n) union all (select 2) order by 1",
        "select n from (select 1 as n, 1 as m union select 2, 2) as x order by n limit 5",
    ] {
        let numbers = rows(&client, text, &[]).await.unwrap();
        assert_eq!(numbers.len(), 2, "{text}");
        assert!(numbers[0].ends_with(":1}") && numbers[1].ends_with(":2}"), "{numbers:?}");
    }
}

#[tokio::test]
async fn what_has_no_form_is_refused_by_its_name() {
    let database = Kind::Postgres.database();
    let client = database.client();
    for expression in
        ["point(1, 2)", "row(1, 2)", "'[1,2]'::int4range", "'1'::money", "array['\\x00'::bytea]"]
    {
        let error = refusal(&client, &format!("select 1 as a, {expression} as place")).await;
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().starts_with("the column `place` has a type"), "{error}");
        client.close().await;
    }
    let error = refusal(&client, "select 1 as a, 2 as a").await;
    assert!(error.to_string().starts_with("the query gives two columns `a`"), "{error}");
}
