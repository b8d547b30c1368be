//! Bodies of all kinds, and what becomes of them.

use super::value::MAX_DEPTH;
use super::*;
use mongodb::bson::{Bson, Document, doc};

fn convert(body: impl AsRef<[u8]>) -> Result<Document, String> {
    let raw = Rules::default().document("id", body.as_ref())?;
    let mut document = Document::try_from(&*raw).expect("what we write is BSON");
    assert_eq!(document.remove("_id"), Some(Bson::String("id".to_owned())));
    Ok(document)
}

fn time(millis: i64) -> Bson {
    Bson::DateTime(mongodb::bson::DateTime::from_millis(millis))
}

#[test]
fn a_reading_becomes_a_document_that_charts_and_ttls_can_use() {
    let body = r#"{"name":"Tom's \"room\" 🏠","temperature_offset":1,"online":true,"x":null,
        "newest_events":{"te":{"val":16,"created_at":"2025-02-15T17:49:42Z"},
        "hu":{"val":39.5,"created_at":"2025-02-15T17:49:42.1239+09:00"}},
        "updated_at":"2023-12-01T14:20:09Z","request_at":"1969-12-31T23:59:59.9995Z"}"#;
    let expected = doc! {
        "name": "Tom's \"room\" 🏠", "temperature_offset": 1_i64, "online": true, "x": null,
        "newest_events": {
            "te": { "val": 16.0, "created_at": time(1_739_641_782_000) },
            "hu": { "val": 39.5, "created_at": time(1_739_609_382_123) },
        },
        "updated_at": time(1_701_440_409_000), "request_at": time(-1),
        "exact_dates": [
            { "field": "newest_events.hu.created_at", "at": "2025-02-15T08:49:42.1239Z" },
            { "field": "request_at", "at": "1969-12-31T23:59:59.9995Z" },
        ],
    };
    assert_eq!(convert(body).unwrap(), expected);
}

#[test]
fn a_rule_holds_for_the_elements_of_an_array_and_not_for_objects_in_it() {
    let body = r#"{"val":[1,[2],{"n":3,"val":4}],"created_at":["1970-01-01T00:00:00Z",7]}"#;
    let expected = doc! {
        "val": [1.0, [2.0], { "n": 3_i64, "val": 4.0 }], "created_at": [time(0), 7_i64],
    };
    assert_eq!(convert(body).unwrap(), expected);
}

#[test]
fn what_is_no_date_stays_a_string() {
    for text in ["", "yesterday", "2025-02-15", "2025-02-30T00:00:00Z", "2025-02-15T17:49:42"] {
        let body = format!(r#"{{"created_at":"{text}","at":"2025-02-15T17:49:42Z"}}"#);
        let document = convert(body).unwrap();
        assert_eq!(document.get_str("created_at").unwrap(), text);
        assert!(document.get_str("at").is_ok(), "not a date key");
    }
}

#[test]
fn the_url_can_name_other_date_keys() {
    let raw = Rules::new(["at"])
        .document("id", br#"{"at":"1970-01-01T00:00:01Z","created_at":"1970-01-01T00:00:01Z"}"#)
        .unwrap();
    assert_eq!(raw.get_datetime("at").unwrap().timestamp_millis(), 1000);
    assert!(raw.get_str("created_at").is_ok());
}

#[test]
fn a_number_keeps_its_value_or_is_refused_with_its_field() {
    let body = r#"{"a":9223372036854775807,"s":"1e999 [2,","b":-9223372036854775808,"e":1.0,
        "f":-0.0,"g":1e300,"val":9007199254740992}"#;
    let expected = doc! {
        "a": i64::MAX, "s": "1e999 [2,", "b": i64::MIN, "e": 1.0, "f": -0.0, "g": 1e300,
        "val": 9007199254740992.0,
    };
    assert_eq!(convert(body).unwrap(), expected);
    for (body, place) in [
        (r#"{"n":18446744073709551615}"#, "n"),
        (r#"{"n":-9223372036854775809}"#, "n"),
        (r#"{"a":"1","b":[0,{"c":12345678901234567890.5}]}"#, "b[1].c"),
        (r#"{"a":{"val":9007199254740993},"b":1}"#, "a.val"),
        (r#"{"a":1,"n":3.141592653589793238}"#, "n"),
        (r#"{"n":1e-400}"#, "n"),
        (r#"{"a":[1,2,1e400]}"#, "a[2]"),
    ] {
        let reason = convert(body).unwrap_err();
        assert!(reason.ends_with(&format!(", in the field `{place}`")), "{body}: {reason}");
        assert!(!reason.contains("184467") && !reason.contains("3.14"), "{reason}");
    }
}

#[test]
fn a_field_for_exact_dates_is_not_written_over() {
    let fine = r#""created_at":"1970-01-01T00:00:00.0001Z""#;
    assert!(convert(r#"{"exact_dates":7}"#).is_ok());
    let reason = convert(format!(r#"{{"exact_dates":7,{fine}}}"#)).unwrap_err();
    assert!(reason.contains("field `exact_dates`"), "{reason}");
}

#[test]
fn a_body_may_repeat_its_id_and_not_have_another() {
    assert_eq!(convert(r#"{"_id":"id","a":{"_id":7}}"#).unwrap(), doc! { "a": { "_id": 7_i64 } });
    for body in [r#"{"_id":"other-secret"}"#, r#"{"_id":7}"#, r#"{"_id":null}"#] {
        let reason = convert(body).unwrap_err();
        assert!(reason.contains("`_id`") && !reason.contains("secret"), "{reason}");
    }
}

#[test]
fn what_can_be_no_document_is_refused_with_the_reason_and_without_the_content() {
    for (body, reason) in [
        (&b""[..], "not a JSON object"),
        (b"   ", "not a JSON object"),
        (b"secret", "not a JSON object"),
        (b"\"secret\"", "not a JSON object"),
        (b"[{\"a\":\"secret\"}]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"\xef\xbb\xbf{}", "not a JSON object"),
        (b"{\"a\":\"secret\"", "not JSON: EOF"),
        (b"{\"a\":\"secret\"} {}", "not JSON: trailing characters"),
        (b"{'a':'secret'}", "not JSON: key must be a string"),
        (b"{\"a\":NaN}", "not JSON: expected value"),
        (b"{\"a\":1e999}", "not JSON: number out of range"),
        (b"{\"a\":\"\xff secret\"}", "not JSON: invalid unicode"),
        (b"{\"a\":\"\\ud800 secret\"}", "in the field `a`"),
        (b"{\"a\":{\"b\":[\"\\ud800\"]}}", "in the field `a.b[0]`"),
        (b"{\"a\":1,\"b\":2,\"a\":\"secret\"}", "the key `a` twice"),
        (b"{\"x\":{\"a\":1,\"\\u0061\":\"secret\"}}", "the key `a` twice"),
        (b"{\"a\\u0000b\":\"secret\"}", "the key `a\\0b` holds a zero"),
    ] {
        let found = convert(body).unwrap_err();
        assert!(found.contains(reason), "{found} for {:?}", String::from_utf8_lossy(body));
        assert!(!found.contains("secret"), "{found}");
    }
}

#[test]
fn a_key_in_a_reason_is_short() {
    let key = "k".repeat(100_000);
    let reason = convert(format!(r#"{{"{key}":1,"{key}":2}}"#)).unwrap_err();
    assert!(reason.len() < 200, "{}", reason.len());
}

#[test]
fn nesting_has_a_limit() {
    let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let arrays = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(convert(nested(MAX_DEPTH)).is_ok());
    assert!(convert(arrays(MAX_DEPTH - 1)).is_ok());
    for body in [nested(MAX_DEPTH + 1), arrays(MAX_DEPTH), nested(100_000), arrays(100_000)] {
        assert!(convert(body).is_err());
    }
}

#[test]
fn a_document_has_a_limit() {
    let body = |size: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(size));
    assert!(convert(body(MAX_BYTES - 100)).is_ok());
    let reason = convert(body(MAX_BYTES)).unwrap_err();
    assert!(reason.contains("too large") && reason.ends_with("the field `a`"), "{reason}");
}

#[test]
fn rubbish_never_panics_and_what_is_taken_reads_back() {
    let mut dice = fastrand::Rng::with_seed(7);
    let pieces: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"val\"",
        "\"created_at\"",
        "\"_id\"",
        "\"id\"",
        "1",
        "-2.5",
        "1e5",
        "null",
        "true",
        "\"1970-01-01T00:00:00Z\"",
        "\"\\u0000\"",
        " ",
        "\\",
        "\"é\"",
        "\"b\"",
        "\"c\":[1,{\"val\":2}]",
        "\"d\":{}",
    ];
    let mut taken = 0;
    for _ in 0..200_000 {
        let count = dice.usize(0..8);
        let inner: String = (0..count).map(|_| *dice.choice(pieces).expect("pieces")).collect();
        if convert(format!("{{{inner}}}")).is_ok() {
            taken += 1;
        }
    }
    assert!(taken > 1000, "the dice make documents too: {taken}");
}
