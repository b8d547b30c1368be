//! What `publish` leaves in Redis.

use crate::support::process::Process;
use crate::support::redis_server::RedisServer;
use crate::support::redis_stage::Stage;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn arguments_that_are_none_are_refused_and_their_neighbours_go() {
    let stage = Stage::new();
    let lines = "{\"n\":1}\n[1]\n{\"n\":2}\n\"x\"\nnull\n{\"n\":1e999}\n{\"n\":3}\n";
    let run = stage.publish("job=mail", "stdin:").stdin(lines).run().expect(65);
    assert!(
        run.stderr.contains("the arguments of a job are a JSON object or null"),
        "{}",
        run.stderr
    );
    let args: Vec<_> = stage.jobs("@jobs:mail").iter().map(|job| job["args"].clone()).collect();
    assert_eq!(args, [json!({"n": 1}), json!({"n": 2}), Value::Null, json!({"n": 3})]);
}

#[test]
fn digits_and_letters_stay_as_they_were_written() {
    let stage = Stage::new();
    let args = r#"{"n": 12345678901234567890123, "f":1.50,"s":"\/é<"}"#;
    stage.publish("job=mail", "stdin:").stdin(args).run().expect(0);
    let job = stage.members("@jobs:mail").remove(0);
    assert!(job.ends_with(&format!(",\"args\":{args}}}")), "{job}");
}

#[test]
fn an_id_is_made_where_none_was_given() {
    let stage = Stage::new();
    stage.publish("job=mail", "stdin:").stdin("{}\n{}\n").run().expect(0);
    let jobs = stage.jobs("@jobs:mail");
    let ids: BTreeSet<_> = jobs.iter().map(|job| job["id"].as_str().expect("an id")).collect();
    assert_eq!(ids.len(), 2);
    let is_digit = |char: char| matches!(char, '0'..='9' | 'a'..='f');
    assert!(ids.iter().all(|id| id.len() == 24 && id.chars().all(is_digit)), "{ids:?}");
}

#[test]
fn each_name_has_its_jobs_in_their_order() {
    let stage = Stage::new();
    let envelope =
        |n: usize| json!({"id": n.to_string(), "tag": format!("j{}", n % 3), "body": {}});
    let envelopes: Vec<_> = (0..300).map(envelope).collect();
    stage.publish_envelopes("delay=0s", &envelopes);
    for name in 0..3 {
        let jobs = stage.jobs(&format!("@jobs:j{name}"));
        let ids: Vec<_> = jobs.iter().map(|job| job["id"].as_str().expect("an id")).collect();
        let expected: Vec<_> = (0..300).filter(|n| n % 3 == name).map(|n| n.to_string()).collect();
        assert_eq!(ids, expected);
    }
    let known: BTreeSet<String> = stage.ask(&["SMEMBERS", "@known_jobs"]);
    assert_eq!(known, ["j0", "j1", "j2"].map(str::to_owned).into());
}

#[test]
fn what_names_no_job_is_refused_alone() {
    let stage = Stage::new();
    let envelopes = [
        json!({"id": "a", "body": {}}),
        json!({"id": "b", "tag": "mail", "body": {}}),
        json!({"id": "c", "tag": "mail,other", "body": {}}),
        json!({"id": "d", "tag": "mail:lock", "body": {}}),
    ];
    let lines: String = envelopes.iter().map(|it| format!("{it}\n")).collect();
    stage.publish("delay=0s", "stdin:?envelope").stdin(lines).run().expect(65);
    assert_eq!(stage.keys(), ["jobs:mail", "known_jobs"]);
}

#[test]
fn a_time_becomes_the_next_whole_second() {
    let stage = Stage::new();
    let at = |id: &str, time: &str| json!({"id": id, "not_before": time, "body": {}});
    stage.publish_envelopes(
        "job=mail&delay=1h",
        &[at("a", "2999-01-01T00:00:00.001Z"), at("b", "2999-01-01T00:00:01Z")],
    );
    stage.publish_envelopes("job=mail", &[at("past", "1999-01-01T00:00:00Z")]);
    let scores: Vec<String> = stage.ask(&["ZRANGE", "@scheduled", "0", "-1", "WITHSCORES"]);
    let scores: Vec<_> = scores.iter().skip(1).step_by(2).collect();
    assert_eq!(scores, ["32472144001", "32472144001"]);
    assert_eq!(stage.jobs("@jobs:mail")[0]["id"], "past");
}

#[test]
fn attributes_and_groups_travel_beside_what_the_original_knows() {
    let stage = Stage::new();
    let more = json!({"group": "g", "attributes": {"k<": "v\n"}});
    let envelope = json!({"id": "a", "group": "g", "attributes": {"k<": "v\n"}, "body": {"n": 1}});
    stage.publish_envelopes("job=mail", &[envelope]);
    assert_eq!(stage.jobs("@jobs:mail")[0]["kakehi"], more);
    let began = stage.drain_with_theirs("mail");
    assert_eq!((&began[0]["id"], &began[0]["args"]), (&json!("a"), &json!({"n": 1})));
}

#[test]
fn jobs_stand_in_the_order_of_the_lines() {
    let stage = Stage::new();
    let lines: String = (0..500).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    // The first batch makes the job's name known, which those behind it need not.
    stage.publish("job=mail", "stdin: --batch 1").stdin(lines).run().expect(0);
    let numbers: Vec<_> =
        stage.jobs("@jobs:mail").iter().map(|it| it["args"]["n"].clone()).collect();
    assert_eq!(numbers, (0..500).map(Value::from).collect::<Vec<_>>());
}

#[test]
fn connections_that_are_killed_in_mid_publish_lose_nothing() {
    const COUNT: usize = 20_000;
    let server = RedisServer::start("");
    let stage = Stage::on(&server);
    let lines: String = (0..COUNT).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let publish = stage.publish("job=mail", "stdin: --batch 10 --summary json");
    let mut publish = Process::start(publish, lines, false);
    let mut killed = 0;
    while !publish.has_ended() {
        killed += stage.ask::<usize>(&["CLIENT", "KILL", "TYPE", "normal"]);
    }
    let end = publish.end();
    assert!([0, 75].contains(&end.code), "{}", end.stderr);
    assert!(killed > 0, "{}", end.stderr);
    // What was left in the spool goes first.
    stage.publish("job=mail", "stdin:").run().expect(0);
    let numbers = stage.jobs("@jobs:mail").into_iter().map(|job| job["args"]["n"].as_u64());
    assert_eq!(numbers.collect::<BTreeSet<_>>().len(), COUNT);
}

#[test]
fn as_many_replicas_as_were_asked_for_have_it() {
    let (server, alone) = (RedisServer::start(""), RedisServer::start(""));
    let replica = RedisServer::start(&format!("--replicaof 127.0.0.1 {}", port(&server)));
    let stage = Stage::on(&server);
    stage.publish("job=mail&wait=1", "stdin:").stdin("{}").run().expect(0);
    let copy = Stage::on(&replica);
    let length: usize = copy.ask(&["LLEN", &format!("{}:jobs:mail", stage.namespace)]);
    assert_eq!(length, 1, "it was not published before");
    let stage = Stage::on(&alone);
    let publish = stage.publish("job=mail&wait=1", "stdin: --no-spool --publish-timeout 1s");
    let run = publish.stdin("{}").run().expect(69);
    assert!(run.stderr.contains("only 0 of 1 replicas have it"), "{}", run.stderr);
}

fn port(server: &RedisServer) -> String {
    server.address().rsplit(':').next().expect("a port").to_owned()
}
