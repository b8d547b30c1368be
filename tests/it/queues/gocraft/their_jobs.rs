//! Jobs that the original enqueues, and `subscribe` works on.

use super::{ARGS, read};
use crate::support::redis_stage::Stage;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// What `subscribe` wrote, an envelope a line.
fn envelopes(stdout: &str) -> Vec<Value> {
    stdout.lines().map(read).collect()
}

/// A call of the original for each of these arguments.
fn calls(job: &str) -> Vec<Box<RawValue>> {
    let call = |args: &&str| format!("{{\"job\":\"{job}\",\"args\":{args}}}");
    let calls = ARGS.iter().map(call).map(RawValue::from_string);
    calls.map(|call| call.expect("JSON")).collect()
}

#[test]
fn their_args_are_bodies_to_the_last_digit() {
    let stage = Stage::new();
    let answers = stage.enqueue(&calls("mail"));
    let run = stage.subscribe("job=mail").args("--to stdout:").run().expect(0);
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), ARGS);
    stage.enqueue(&calls("mail"));
    let run = stage.subscribe("job=mail").args("--to stdout:?envelope").run().expect(0);
    for envelope in envelopes(&run.stdout) {
        assert_eq!(envelope["tag"], "mail");
        assert_eq!(envelope["attempt"], 1);
    }
    assert_eq!(answers.len(), ARGS.len());
    stage.assert_no_lock_is_left();
}

#[test]
fn the_id_is_theirs() {
    let stage = Stage::new();
    let answers = stage.enqueue(&calls("mail"));
    let run = stage.subscribe("job=mail").args("--to stdout:?envelope").run().expect(0);
    let ids = |all: &[Value]| all.iter().map(|it| it["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&envelopes(&run.stdout)), ids(&answers));
}

#[test]
fn what_they_schedule_is_worked_on_when_it_is_due() {
    let stage = Stage::new();
    let answers =
        stage.enqueue(&[json!({"job": "mail", "in": 1}), json!({"job": "mail", "in": 600})]);
    let words = "--follow --max-messages 1 --to stdout:?envelope";
    let run = stage.subscribe("job=mail").args(words).run().expect(0);
    assert_eq!(envelopes(&run.stdout)[0]["id"], answers[0]["id"]);
    assert_eq!(stage.jobs("@scheduled")[0]["id"], answers[1]["id"]);
}

#[test]
fn jobs_of_their_tool_and_of_a_shell_are_worked_on() {
    let stage = Stage::new();
    stage.workenqueue("mail", r#"{"to":"a@b"}"#).run().expect(0);
    let by_hand =
        r#"{"name":"mail","id":"0123456789abcdef01234567","t":1540000000,"args":{"to":"c@d"}}"#;
    stage.ask::<u64>(&["LPUSH", "@jobs:mail", by_hand]);
    let run = stage.subscribe("job=mail").args("--to stdout:").run().expect(0);
    assert_eq!(run.stdout, "{\"to\":\"a@b\"}\n{\"to\":\"c@d\"}\n");
}

#[test]
fn a_queue_that_is_paused_by_any_value_is_left_alone() {
    let stage = Stage::new();
    stage.enqueue(&calls("mail"));
    stage.ask::<()>(&["SET", "@jobs:mail:paused", "0"]);
    let run = stage.subscribe("job=mail").args("--to stdout:").run().expect(0);
    assert_eq!(run.stdout, "");
    assert!(stage.drain_with_theirs("mail").is_empty());
    stage.ask::<u64>(&["DEL", "@jobs:mail:paused"]);
    let run = stage.subscribe("job=mail").args("--to stdout:").run().expect(0);
    assert_eq!(run.stdout.lines().count(), ARGS.len());
}
