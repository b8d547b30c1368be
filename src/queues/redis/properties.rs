//! What holds for any JSON and for any job, whoever has written it.

use super::codec::{Codec, unpack};
use super::go_json::{canonical, string};
use super::job::Job;
use super::options::RedisOptions;
use crate::json::same_json;
use crate::location::Location;
use crate::message::Message;
use chrono::DateTime;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Any text, of letters that Go escapes more often than not.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[<>&\"\\\\/\u{2028}\u{2029}\u{0}-\u{1f}é😀a-c]{0,8}", any::<String>()]
}

/// Any value but one with fractions, whose digits Go may write otherwise.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(any_text(), inner, 0..5).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Map<String, Value>> {
    btree_map(any_text(), any_value(), 0..5).prop_map(|fields| fields.into_iter().collect())
}

/// The names that mean something in a job.
const KNOWN: [&str; 9] =
    ["name", "id", "t", "args", "unique", "unique_key", "fails", "err", "failed_at"];

/// A job as anybody may write it: fields that nobody knows among the others, blanks between them.
fn any_job() -> impl Strategy<Value = String> {
    let known = ("[a-z_]{1,8}", any_text(), any::<i64>(), any_object(), any::<u32>(), any_text());
    (known, any_object(), any::<bool>()).prop_map(
        |((name, id, t, args, fails, err), more, wide)| {
            let is_new = |field: &(String, Value)| {
                KNOWN.iter().chain(&["kakehi"]).all(|known| !field.0.eq_ignore_ascii_case(known))
            };
            let mut fields: Map<String, Value> = more.into_iter().filter(is_new).collect();
            fields.insert("err".to_owned(), err.into());
            fields.insert("fails".to_owned(), fails.into());
            fields.insert("args".to_owned(), args.into());
            fields.insert("t".to_owned(), t.into());
            fields.insert("id".to_owned(), id.into());
            fields.insert("name".to_owned(), name.into());
            let job = Value::from(fields);
            if wide { format!("{job:#}") } else { job.to_string() }
        },
    )
}

/// The fields of a job that no edit is about.
fn rest(job: &[u8], edited: &[&str]) -> Map<String, Value> {
    let fields: Map<String, Value> = serde_json::from_slice(job).expect("a job is an object");
    fields.into_iter().filter(|(name, _)| !edited.contains(&name.as_str())).collect()
}

proptest! {
    #[test]
    fn a_text_comes_back_and_is_written_in_gos_letters(text in any_text()) {
        let written = string(&text);
        prop_assert!(!written.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{written}");
        prop_assert!(!written.chars().any(|char| char < ' '), "{written}");
        prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn what_is_written_as_go_does_says_what_it_said(value in any_value(), wide in any::<bool>()) {
        let text = if wide { format!("{value:#}") } else { value.to_string() };
        let written = canonical(&text).unwrap();
        prop_assert!(same_json(&text, &written), "{text} {written}");
        prop_assert_eq!(canonical(&written).unwrap(), written);
    }

    #[test]
    fn a_number_keeps_its_value(number in any::<f64>().prop_filter("finite", |it| it.is_finite())) {
        let written = canonical(&format!("{number:e}")).unwrap();
        prop_assert_eq!(written.parse::<f64>().unwrap().to_bits(), number.to_bits());
        prop_assert_eq!(canonical(&written).unwrap(), written);
    }

    #[test]
    fn an_edit_changes_what_it_is_about(
        text in any_job(),
        fails in any::<u32>(),
        err in any_text(),
        time in any::<i64>(),
    ) {
        let job = Job::parse(text.as_bytes()).unwrap();
        let failed = job.failed(fails, &err, time);
        let after = Job::parse(&failed).unwrap();
        prop_assert_eq!((after.fails, &after.err, after.failed_at), (fails, &err, time));
        prop_assert_eq!((&after.name, &after.id, after.t), (&job.name, &job.id, job.t));
        prop_assert_eq!(after.args, job.args, "digit for digit");
        let edited = ["fails", "err", "failed_at", "t"];
        let before = rest(text.as_bytes(), &edited);
        prop_assert_eq!(&rest(&failed, &edited), &before);
        let fresh = after.fresh(time);
        let after = Job::parse(&fresh).unwrap();
        prop_assert_eq!((after.fails, &after.err[..], after.failed_at, after.t), (0, "", 0, time));
        prop_assert_eq!(rest(&fresh, &edited), before);
        prop_assert_eq!(Job::parse(&job.at(time)).unwrap().t, time);
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in vec(any::<u8>(), 0..64)) {
        if let Ok(job) = Job::parse(&bytes) {
            prop_assert!(!job.name.is_empty());
        }
    }

    #[test]
    fn a_message_comes_back_from_its_job(
        id in any_text(),
        args in any_object(),
        group in proptest::option::of(any_text()),
        attributes in btree_map(any_text(), any_text(), 0..3),
    ) {
        let url = Location::parse("redis://h?job=mail").unwrap();
        let codec = Codec::new(&RedisOptions::of(url).unwrap(), false);
        let body = Value::from(args).to_string();
        let mut message = Message { group, attributes, ..Message::new(id, body) };
        let now = DateTime::from_timestamp(1_795_289_862, 0).unwrap();
        let bytes = codec.pack(&message, now).unwrap().bytes;
        message.tag = Some("mail".to_owned());
        message.published_at = Some(now);
        prop_assert_eq!(unpack(&Job::parse(&bytes).unwrap()), message);
    }
}
