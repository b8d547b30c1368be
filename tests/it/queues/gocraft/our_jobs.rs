//! Jobs that `publish` enqueues, and the original works on.

use super::{ARGS, read};
use crate::support::redis_stage::{Stage, told};
use serde_json::{Value, json};

/// What a Go program reads: every number is a float there.
fn as_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(as_floats).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, field)| (name, as_floats(field))).collect()
        }
        other => other,
    }
}

/// A job's bytes, but for what differs from one to the next: its id, its time.
fn without_id_and_time(job: &str) -> String {
    let parsed = read(job);
    let id = parsed["id"].as_str().expect("an id");
    job.replacen(id, "ID", 1).replacen(&parsed["t"].to_string(), "TIME", 1)
}

#[test]
fn the_bytes_are_those_of_the_original() {
    let (ours, theirs) = (Stage::new(), Stage::new());
    ours.publish("job=mail", "stdin:").stdin(ARGS.join("\n")).run().expect(0);
    let calls: Vec<_> = ARGS
        .iter()
        .map(|args| format!("{{\"job\":\"mail\",\"args\":{args}}}"))
        .map(serde_json::value::RawValue::from_string)
        .map(|call| call.expect("JSON"))
        .collect();
    theirs.enqueue(&calls);
    let bytes = |stage: &Stage| -> Vec<_> {
        stage.members("@jobs:mail").iter().map(|job| without_id_and_time(job)).collect()
    };
    assert_eq!(bytes(&ours), bytes(&theirs));
    assert_eq!(ours.keys(), theirs.keys());
}

#[test]
fn theirs_works_on_them_in_order() {
    let stage = Stage::new();
    stage.publish("job=mail", "stdin:").stdin(ARGS.join("\n")).run().expect(0);
    let began = stage.drain_with_theirs("mail");
    let args: Vec<_> = began.iter().map(|job| as_floats(job["args"].clone())).collect();
    let expected: Vec<_> = ARGS.iter().map(|args| as_floats(read(args))).collect();
    assert_eq!(args, expected);
    assert!(stage.members("@dead").is_empty());
    stage.assert_no_lock_is_left();
}

#[test]
fn the_id_is_the_messages_and_the_name_its_tag() {
    let stage = Stage::new();
    stage.publish_envelopes(
        "job=other",
        &[
            json!({"id": "of any <shape>/ツ", "tag": "mail", "body": {"n": 1}}),
            json!({"id": "no tag", "body": null}),
        ],
    );
    let began = stage.drain_with_theirs("mail other,priority=1");
    let job = |name: &str| began.iter().find(|it| it["name"] == name).expect("it began").clone();
    assert_eq!(job("mail")["id"], "of any <shape>/ツ");
    assert_eq!(job("other")["id"], "no tag");
    assert_eq!(job("other")["args"], Value::Null);
}

#[test]
fn what_is_due_later_waits_and_is_then_worked_on() {
    let stage = Stage::new();
    stage.publish("job=mail&delay=1s", "stdin:").stdin("{\"n\":1}\n").run().expect(0);
    let [job] = &stage.jobs("@scheduled")[..] else { panic!("one waits") };
    let (id, t) = (job["id"].clone(), job["t"].as_i64().expect("a time"));
    let score: i64 = stage.ask(&["ZSCORE", "@scheduled", &stage.members("@scheduled")[0]]);
    assert!((t + 1..=t + 2).contains(&score), "{t} {score}");
    let mut pool = stage.start_work("mail");
    pool.wait_until("it is worked on", |it| told(it, "ended").len() == 1);
    assert_eq!(told(&pool, "began")[0]["id"], id);
    stage.wait_until_there_are(0, "@scheduled");
}

#[test]
fn the_tool_of_the_original_leaves_what_publish_leaves() {
    let (ours, theirs) = (Stage::new(), Stage::new());
    ours.publish("job=mail", "stdin:").stdin(r#"{"to":"a@b"}"#).run().expect(0);
    theirs.workenqueue("mail", r#"{"to":"a@b"}"#).run().expect(0);
    let job = |stage: &Stage| without_id_and_time(&stage.members("@jobs:mail")[0]);
    assert_eq!(job(&ours), job(&theirs));
}
