//! Unique jobs of both sides, which keep each other out.

use crate::support::redis_stage::Stage;
use serde_json::json;

/// Arguments whose key must be made of the same bytes by both.
const ARGS: &[&str] = &[
    "null",
    "{}",
    r#"{"a":"x\u003c","b":1}"#,
    r#"{"to":"é\u2028😀","n":1234567890123456789}"#,
    r#"{"deep":{"z":[1,2,{}],"a":null},"list":[]}"#,
];

/// Enqueues by the original; whether it was told to be a repeat.
fn theirs(stage: &Stage, args: &str, more: &str) -> bool {
    let call = format!("{{\"job\":\"mail\",\"unique\":true,\"args\":{args}{more}}}");
    let answers = stage.enqueue(&[call]);
    assert_eq!(answers[0]["error"], json!(null));
    answers[0]["duplicate"] == true
}

/// Enqueues by `publish`; whether it was told to be a repeat.
fn ours(stage: &Stage, args: &str, more: &str) -> bool {
    let parameters = format!("job=mail&unique{more}");
    let publish = stage.publish(&parameters, "stdin: --summary json").stdin(args);
    let run = publish.run().expect(0);
    let summary: serde_json::Value =
        serde_json::from_str(run.stderr.lines().last().expect("a summary")).expect("JSON");
    summary["duplicate"] == 1
}

#[test]
fn ours_keeps_theirs_out() {
    for args in ARGS {
        for (more, list) in [("", "@jobs:mail"), ("&delay=1h", "@scheduled")] {
            let stage = Stage::new();
            assert!(!ours(&stage, args, more), "{args}");
            assert!(theirs(&stage, args, ""), "{args}");
            assert!(theirs(&stage, args, ",\"in\":9"), "{args}");
            assert_eq!(stage.members(list).len(), 1);
        }
    }
}

#[test]
fn theirs_keeps_ours_out() {
    for args in ARGS {
        for (more, list) in [("", "@jobs:mail"), (",\"in\":3600", "@scheduled")] {
            let stage = Stage::new();
            assert!(!theirs(&stage, args, more), "{args}");
            assert!(ours(&stage, args, ""), "{args}");
            assert!(ours(&stage, args, "&delay=1h"), "{args}");
            assert_eq!(stage.members(list).len(), 1);
        }
    }
}

#[test]
fn the_keys_and_the_jobs_are_byte_for_byte_those_of_the_original() {
    for args in ARGS {
        let (stage, original) = (Stage::new(), Stage::new());
        ours(&stage, args, "");
        theirs(&original, args, "");
        assert_eq!(stage.keys(), original.keys(), "{args}");
        let key = stage.keys().into_iter().find(|key| key.starts_with("unique:")).expect("a key");
        assert_eq!(stage.ask::<String>(&["GET", &format!("@{key}")]), "1");
        let life: i64 = stage.ask(&["TTL", &format!("@{key}")]);
        assert!((86_000..=86_400).contains(&life), "{life}");
        let job = &stage.jobs("@jobs:mail")[0];
        assert_eq!(job["unique"], true);
        assert_eq!(job["unique_key"], stage.key(&key));
    }
}

#[test]
fn their_work_on_ours_lets_the_next_one_in() {
    let stage = Stage::new();
    for args in ["null", r#"{"a":"x\u003c","b":1}"#] {
        assert!(!ours(&stage, args, ""));
        assert_eq!(stage.drain_with_theirs("mail").len(), 1);
        assert!(!ours(&stage, args, ""));
        assert_eq!(stage.drain_with_theirs("mail").len(), 1);
    }
}
