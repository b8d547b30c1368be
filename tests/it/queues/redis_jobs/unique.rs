//! Unique jobs: their keys are freed when the work begins, and a newer job takes an older one's place.

use super::job;
use crate::support::redis_stage::Stage;
use nix::sys::signal::Signal;

fn unique(id: &str, args: &str, key: &str) -> String {
    let key = serde_json::to_string(key).unwrap();
    format!(r#"{{"name":"a","id":"{id}","t":5,"args":{args},"unique":true,"unique_key":{key}}}"#)
}

#[test]
fn a_key_is_freed_when_the_work_begins_and_not_before() {
    let stage = Stage::new();
    let keys = ["1", "2"].map(|id| stage.key(&format!("unique:a:{{\"id\":\"{id}\"}}\n")));
    let jobs: Vec<_> =
        ["1", "2"].iter().zip(&keys).map(|(id, key)| unique(id, "null", key)).collect();
    stage.enqueue_raw("a", &jobs);
    for key in &keys {
        stage.ask::<String>(&["SET", key, "1"]);
    }
    let mut pool = stage.follow("job=a", "--concurrency 1 --grace 0s", "echo began >&2; sleep 600");
    pool.wait_until("one has begun", |it| it.said().contains("began"));
    let there: Vec<i64> = keys.iter().map(|key| stage.ask(&["EXISTS", key])).collect();
    pool.signal(Signal::SIGTERM);
    pool.end();
    assert_eq!(there, [0, 1], "the second was only fetched ahead");
    assert_eq!(stage.members("@jobs:a"), jobs);
}

#[test]
fn a_job_without_its_key_frees_the_one_of_its_arguments() {
    let stage = Stage::new();
    let key = stage.key("unique:a:{\"a\":\"\\u003c\",\"n\":9007199254740993}\n");
    let text = r#"{"name":"a","id":"1","t":5,"args":{"n":9007199254740993,"a":"<"},"unique":true}"#;
    stage.enqueue_raw("a", &[text.to_owned()]);
    stage.ask::<String>(&["SET", &key, "1"]);
    stage.subscribe("job=a").args("--to stdout:").run().expect(0);
    assert_eq!(stage.ask::<i64>(&["EXISTS", &key]), 0);
}

#[test]
fn a_newer_job_takes_the_place_of_the_one_in_the_list() {
    let stage = Stage::new();
    let key = stage.key("unique:a:{\"by\":1}\n");
    let [old, new] =
        [("1", r#"{"v":"old"}"#), ("2", r#"{"v":"new"}"#)].map(|(id, args)| unique(id, args, &key));
    stage.enqueue_raw("a", &[job("a", "0"), old, job("a", "3")]);
    stage.ask::<String>(&["SET", &key, &new]);
    let script = r#"test "$KAKEHI_ID" != 2 || exit 1; echo "$KAKEHI_ID $(cat)""#;
    let said = stage.work_by("job=a", "--concurrency 1", script, 75);
    assert_eq!(said, "0 {\"id\":\"0\"}\n3 {\"id\":\"3\"}\n");
    let retry = stage.only("@retry");
    assert_eq!((retry["id"].as_str(), retry["args"]["v"].as_str()), (Some("2"), Some("new")));
    assert_eq!(stage.ask::<i64>(&["EXISTS", &key]), 0);
    stage.assert_no_lock_is_left();
}

#[test]
fn no_other_key_is_freed_and_none_of_a_job_that_has_begun_before() {
    let stage = Stage::new();
    let key = stage.key("unique:a:{}\n");
    let failed = unique("2", "{}", &key).replace("\"unique\"", "\"fails\":1,\"unique\"");
    stage.enqueue_raw("a", &[unique("1", "null", &stage.key("known_jobs")), failed]);
    stage.ask::<String>(&["SET", &key, "1"]);
    stage.subscribe("job=a").args("--to stdout:").run().expect(0);
    assert_eq!(stage.ask::<i64>(&["EXISTS", "@known_jobs"]), 1);
    assert_eq!(stage.ask::<i64>(&["EXISTS", &key]), 1);
}
