//! Jobs of which none is enqueued while one like it waits.

use crate::support::redis_stage::Stage;
use serde_json::{Value, json};

const DAY: i64 = 86_400;

fn publish(stage: &Stage, parameters: &str, args: &str) -> u64 {
    let run = stage.publish(parameters, "stdin: --summary json").stdin(args).run().expect(0);
    let summary = run.stderr.lines().last().expect("a summary");
    let summary: Value = serde_json::from_str(summary).expect("JSON");
    summary["duplicate"].as_u64().expect("a number")
}

#[test]
fn a_job_is_a_duplicate_while_one_like_it_waits() {
    let stage = Stage::new();
    let parameters = "job=mail&unique";
    assert_eq!(publish(&stage, parameters, r#"{"b":1,"a":"x<"}"#), 0);
    let key = "@unique:mail:{\"a\":\"x\\u003c\",\"b\":1}\n";
    assert_eq!(stage.ask::<String>(&["GET", key]), "1");
    let job = stage.jobs("@jobs:mail").remove(0);
    assert_eq!((&job["unique"], &job["unique_key"]), (&json!(true), &json!(stage.key(&key[1..]))));
    stage.ask::<i64>(&["EXPIRE", key, "10"]);
    assert_eq!(publish(&stage, parameters, r#"{"a":"x<","b":1}"#), 1);
    assert!(stage.ask::<i64>(&["TTL", key]) > DAY - 100, "it lives for its whole time again");
    assert_eq!(publish(&stage, parameters, r#"{"a":"x<","b":2}"#), 0);
    assert_eq!(publish(&stage, parameters, "null"), 0);
    assert_eq!(stage.ask::<String>(&["GET", "@unique:mail:"]), "1", "without arguments, by name");
    assert_eq!(stage.members("@jobs:mail").len(), 3);
}

#[test]
fn the_original_frees_what_we_have_kept_out() {
    let stage = Stage::new();
    let line = r#"{"to":"a&b","list":[1.5,{"z":null,"y":"\u2028"}]}"#;
    assert_eq!(publish(&stage, "job=mail&unique", line), 0);
    assert_eq!(publish(&stage, "job=mail&unique", line), 1);
    assert_eq!(stage.drain_with_theirs("mail").len(), 1);
    assert_eq!(publish(&stage, "job=mail&unique", line), 0);
}

#[test]
fn later_arguments_win_where_some_fields_are_the_key() {
    let stage = Stage::new();
    let parameters = "job=mail&unique=user&delay=1h";
    assert_eq!(publish(&stage, parameters, r#"{"user":7,"n":1}"#), 0);
    assert_eq!(publish(&stage, parameters, r#"{"n":2,"user":7}"#), 1);
    let waiting = stage.jobs("@scheduled");
    assert_eq!((waiting.len(), &waiting[0]["args"]["n"]), (1, &json!(1)));
    let held: String = stage.ask(&["GET", "@unique:mail:{\"user\":7}\n"]);
    let held: Value = serde_json::from_str(&held).expect("a job");
    assert_eq!((&held["args"]["n"], &held["name"]), (&json!(2), &json!("mail")));
}

#[test]
fn a_batch_has_its_own_duplicates_and_refusals() {
    let stage = Stage::new();
    let lines = "{\"user\":1}\n{\"user\":2}\n{\"user\":1}\n{\"usr\":1}\n";
    let publish = stage.publish("job=mail&unique=user", "stdin: --summary json").stdin(lines);
    let run = publish.run().expect(65);
    assert!(run.stderr.contains("have no field `user`, which `unique` names"), "{}", run.stderr);
    let users: Vec<_> =
        stage.jobs("@jobs:mail").iter().map(|it| it["args"]["user"].clone()).collect();
    assert_eq!(users, [json!(1), json!(2)]);
}

#[test]
fn a_server_that_forgets_its_scripts_takes_unique_jobs() {
    let stage = Stage::new();
    for n in 0..3 {
        stage.ask::<()>(&["SCRIPT", "FLUSH"]);
        assert_eq!(publish(&stage, "job=mail&unique", &format!("{{\"n\":{n}}}")), 0);
    }
    assert_eq!(stage.members("@jobs:mail").len(), 3);
}

#[test]
fn a_list_that_is_none_leaves_no_key_behind() {
    let stage = Stage::new();
    stage.ask::<()>(&["SET", "@jobs:mail", "no list"]);
    let publish = stage.publish("job=mail&unique", "stdin: --no-spool").stdin("{}");
    let run = publish.run().expect(78);
    assert!(run.stderr.contains("WRONGTYPE"), "{}", run.stderr);
    assert_eq!(stage.keys(), ["jobs:mail", "known_jobs"]);
}
