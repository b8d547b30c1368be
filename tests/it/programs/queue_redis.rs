//! `queue` on jobs in Redis: what is seen, mended, emptied and paused.

use crate::support::process::Process;
use crate::support::redis_server::wait_for;
use crate::support::redis_stage::Stage;
use crate::support::sandbox::{Run, Sandbox};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// More than are read at once.
const MANY: usize = 450;

/// Runs an action of `queue` on the stage's namespace; the URL has these parameters, too.
fn queue(stage: &Stage, action: &str, parameters: &str, words: &str) -> Run {
    stage.sandbox.queue().args(action).arg(stage.url(parameters)).args(words).run()
}

/// The lines of JSON of an action that succeeds.
#[track_caller]
fn seen(stage: &Stage, action: &str, parameters: &str, words: &str) -> Vec<Value> {
    let run = queue(stage, action, parameters, &format!("{words} --json")).expect(0);
    run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// A job as gocraft writes it, with more fields.
fn job(name: &str, id: &str, more: &str) -> String {
    format!(
        r#"{{"name":"{name}","id":"{id}","t":1500000000,"args":{{"n":12345678901234567890}}{more}}}"#
    )
}

/// Enqueues a job.
fn ready(stage: &Stage, name: &str, bytes: &str) {
    stage.ask::<i64>(&["SADD", "@known_jobs", name]);
    stage.ask::<i64>(&["LPUSH", &format!("@jobs:{name}"), bytes]);
}

/// Puts a job into a set.
fn timed(stage: &Stage, set: &str, at: u64, bytes: &str) {
    stage.ask::<i64>(&["ZADD", set, &at.to_string(), bytes]);
}

/// Puts many dead jobs there, all of one second.
fn many_dead(stage: &Stage) {
    stage.ask::<i64>(&["SADD", "@known_jobs", "a", "b"]);
    for number in 0..MANY {
        let name = if number % 10 == 0 { "b" } else { "a" };
        let failed = r#","fails":4,"err":"no","failed_at":1600000000,"trace":{"x":[]}"#;
        timed(stage, "@dead", 1_600_000_000, &job(name, &format!("{number:03}"), failed));
    }
}

/// What is of one job in what `queue stats` told.
fn of_job(stats: &Value, name: &str) -> Value {
    let jobs = stats["jobs"].as_array().expect("jobs");
    jobs.iter().find(|job| job["job"] == name).expect("a job").clone()
}

#[test]
fn jobs_are_counted_by_their_names() {
    let stage = Stage::new();
    ready(&stage, "a", &job("a", "1", ""));
    ready(&stage, "a", &job("a", "2", ""));
    ready(&stage, "b", &job("b", "3", ""));
    timed(&stage, "@scheduled", 4_000_000_000, &job("a", "4", ""));
    timed(&stage, "@retry", 4_000_000_000, &job("a", "5", r#","fails":1"#));
    timed(&stage, "@retry", 4_000_000_000, "rubbish");
    timed(&stage, "@dead", 1_600_000_000, &job("gone", "6", ""));
    stage.ask::<i64>(&["LPUSH", "@jobs:a:p1:inprogress", &job("a", "7", "")]);
    stage.ask::<i64>(&["HSET", "@jobs:a:lock_info", "p1", "1"]);
    stage.ask::<String>(&["SET", "@jobs:a:lock", "2"]);
    stage.ask::<String>(&["SET", "@jobs:a:max_concurrency", "3"]);
    stage.ask::<String>(&["SET", "@jobs:b:paused", "0"]);
    stage.ask::<i64>(&["LPUSH", "@kakehi:poison:jobs:b", "rubbish"]);

    let stats = seen(&stage, "stats", "", "").remove(0);
    for (field, count) in
        [("ready", 3), ("scheduled", 2), ("leased", 1), ("dead", 1), ("retry", 1), ("poison", 2)]
    {
        assert_eq!(stats[field], count, "{field}: {stats}");
    }
    let a = of_job(&stats, "a");
    assert!(a["oldest_seconds"].as_u64() > Some(200_000_000), "{a}");
    for (field, value) in [
        ("ready", json!(2)),
        ("scheduled", json!(1)),
        ("retry", json!(1)),
        ("leased", json!(1)),
        ("limit", json!(3)),
        ("lock", json!(2)),
        ("paused", json!(false)),
    ] {
        assert_eq!(a[field], value, "{field}: {a}");
    }
    let b = of_job(&stats, "b");
    assert_eq!((&b["paused"], &b["poison"], &b["limit"]), (&json!(true), &json!(1), &Value::Null));
    assert_eq!(of_job(&stats, "gone")["dead"], 1, "nobody knows its name, and it is there");

    let only = seen(&stage, "stats", "job=b", "").remove(0);
    assert_eq!(
        (&only["ready"], &only["scheduled"], &only["dead"]),
        (&json!(1), &json!(0), &json!(0))
    );
    let human = queue(&stage, "stats", "", "").expect(0).stdout;
    assert!(human.lines().any(|line| line.starts_with("b (paused)")), "{human}");
}

#[test]
fn pools_that_live_are_counted() {
    let stage = Stage::new();
    ready(&stage, "a", &job("a", "1", ""));
    let now: Vec<String> = stage.ask(&["TIME"]);
    for (pool, beat) in [("p1", now[0].as_str()), ("p2", "1500000000")] {
        stage.ask::<i64>(&["SADD", "@worker_pools", pool]);
        let key = format!("@worker_pools:{pool}");
        stage.ask::<i64>(&["HSET", &key, "heartbeat_at", beat, "job_names", "a,b"]);
    }
    let stats = seen(&stage, "stats", "", "").remove(0);
    assert_eq!((&stats["pools"], &of_job(&stats, "a")["pools"]), (&json!(1), &json!(1)));
}

#[test]
fn a_look_shows_jobs_wherever_they_stand() {
    let stage = Stage::new();
    stage.ask::<i64>(&["LPUSH", "@jobs:a:p1:inprogress", &job("a", "1", r#","fails":1"#)]);
    stage.ask::<i64>(&["HSET", "@jobs:a:lock_info", "p1", "1"]);
    ready(&stage, "a", &job("a", "2", ""));
    ready(&stage, "a", "[]");
    ready(&stage, "b", &job("b", "3", ""));
    timed(&stage, "@scheduled", 4_000_000_000, &job("b", "4", ""));
    timed(&stage, "@retry", 4_000_000_001, &job("a", "5", ""));
    stage.ask::<i64>(&["LPUSH", "@kakehi:poison:retry", "rubbish"]);
    let told = |words: &str, parameters: &str| {
        let lines = seen(&stage, "peek", parameters, words);
        let line = |it: &Value| {
            let unread = if it["unreadable"].is_null() { "" } else { " unreadable" };
            let id = if unread.is_empty() { it["id"].as_str().unwrap() } else { "-" };
            format!("{id} {}{unread}", it["state"].as_str().expect("a state"))
        };
        lines.iter().map(line).collect::<Vec<_>>()
    };
    let all = [
        "1 leased",
        "2 ready",
        "- ready unreadable",
        "3 ready",
        "4 scheduled",
        "5 scheduled",
        "- set-aside unreadable",
    ];
    assert_eq!(told("-n 100", ""), all);
    assert_eq!(told("-n 2", ""), all[..2]);
    assert_eq!(told("-n 100", "job=b"), ["3 ready", "4 scheduled"]);
    let first = seen(&stage, "peek", "", "-n 1").remove(0);
    assert_eq!((&first["attempts"], &first["tag"]), (&json!(2), &json!("a")));
    let body = queue(&stage, "peek", "", "-n 1").expect(0).stdout;
    assert!(body.contains(r#"{"n":12345678901234567890}"#), "{body}");
}

#[test]
fn dead_letters_are_shown_and_redriven_however_many_died_in_one_second() {
    let stage = Stage::new();
    many_dead(&stage);
    let ids = |parameters: &str| {
        let lines = seen(&stage, "dead list", parameters, "");
        lines.iter().map(|it| it["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    let mut all = ids("");
    all.sort();
    assert_eq!(all, (0..MANY).map(|number| format!("{number:03}")).collect::<Vec<_>>());
    assert_eq!(ids("job=b").len(), MANY / 10);
    let first = seen(&stage, "dead list", "", "--id 001").remove(0);
    assert_eq!((&first["reason"], &first["attempts"]), (&json!("no"), &json!(4)));
    assert_eq!(first["died_at"], "2020-09-13T12:26:40Z");

    queue(&stage, "dead redrive", "", "--id 001").expect(0);
    assert_eq!(stage.members("@dead").len(), MANY, "`--yes` was not said");
    queue(&stage, "dead redrive", "", "--id 001 --yes").expect(0);
    let back = stage.members("@jobs:a").remove(0);
    let now = stage.jobs("@jobs:a").remove(0)["t"].as_i64().expect("a number");
    assert!(now > 1_600_000_000, "{back}");
    let expected = job("a", "001", r#","trace":{"x":[]}"#).replace("1500000000", &now.to_string());
    assert_eq!(back, expected, "fields that nobody knows and all digits are as they were");

    queue(&stage, "dead redrive", "job=b", "--all --yes").expect(0);
    assert_eq!(stage.members("@jobs:b").len(), MANY / 10);
    queue(&stage, "dead redrive", "", "--all --yes").expect(0);
    assert_eq!((stage.members("@dead").len(), stage.members("@jobs:a").len()), (0, MANY * 9 / 10));
}

#[test]
fn each_of_those_that_died_in_one_second_is_shown_once_whatever_its_bytes() {
    let stage = Stage::new();
    let id = |number: usize| format!("{}{number}", ["é", "z", "", "\u{10ffff}"][number % 4]);
    for number in 0..MANY {
        timed(&stage, "@dead", 1_600_000_000, &job("a", &id(number), ""));
    }
    // Each is more than what is left of a page.
    let large = format!(r#","x":"{}""#, "y".repeat(6 << 20));
    for number in 0..4 {
        timed(&stage, "@dead", 1_500_000_000, &job("a", &format!("large {number}"), &large));
    }
    let listed = seen(&stage, "dead list", "", "");
    let listed: Vec<_> = listed.iter().map(|it| it["id"].as_str().expect("an id")).collect();
    let mut all: Vec<_> = (0..MANY).map(id).collect();
    all.sort();
    let large = (0..4).map(|number| format!("large {number}"));
    assert_eq!(listed, large.chain(all).collect::<Vec<_>>(), "in the order of the set");
}

#[test]
fn dead_letters_are_dropped_by_id_by_job_or_all() {
    let stage = Stage::new();
    many_dead(&stage);
    queue(&stage, "dead drop", "", "--id 001 002 --yes").expect(0);
    assert_eq!(stage.members("@dead").len(), MANY - 2);
    queue(&stage, "dead drop", "", "--id 001 --yes").expect(1);
    queue(&stage, "dead drop", "job=b", "--all --yes").expect(0);
    assert!(stage.jobs("@dead").iter().all(|job| job["name"] == "a"));
    queue(&stage, "dead drop", "", "--all --yes").expect(0);
    assert_eq!(stage.ask::<i64>(&["EXISTS", "@dead"]), 0);
}

#[test]
fn what_no_worker_could_have_stays_dead_and_can_be_dropped() {
    let stage = Stage::new();
    stage.ask::<i64>(&["SADD", "@known_jobs", "a"]);
    timed(&stage, "@dead", 1_600_000_000, "rubbish");
    timed(&stage, "@dead", 1_600_000_001, &job("nobody", "1", ""));
    timed(&stage, "@dead", 1_600_000_002, &job("a", "2", ""));
    let run = queue(&stage, "dead redrive", "", "--all --yes").expect(65);
    assert!(run.stdout.contains("it cannot be read: it is not a JSON object"), "{}", run.stdout);
    assert!(run.stdout.contains("nobody has ever known a job of its name"), "{}", run.stdout);
    assert_eq!((stage.members("@dead").len(), stage.members("@jobs:a").len()), (2, 1));
    queue(&stage, "dead drop", "", "--all --yes").expect(0);
    assert_eq!(stage.members("@dead").len(), 0);
}

#[test]
fn jobs_of_one_id_are_told_apart_by_their_bytes() {
    let stage = Stage::new();
    stage.ask::<i64>(&["SADD", "@known_jobs", "a"]);
    for more in ["", r#","x":1"#, r#","x":2"#] {
        timed(&stage, "@dead", 1_600_000_000, &job("a", "1", more));
    }
    queue(&stage, "dead redrive", "", "--id 1 --yes").expect(0);
    assert_eq!((stage.members("@dead").len(), stage.members("@jobs:a").len()), (0, 3));
}

#[test]
fn what_waits_for_its_time_can_be_run_now_or_dropped() {
    let stage = Stage::new();
    stage.ask::<i64>(&["SADD", "@known_jobs", "a"]);
    let key = stage.key("unique:a:{}\n");
    let unique =
        format!(r#","unique":true,"unique_key":{}"#, serde_json::to_string(&key).expect("a text"));
    stage.ask::<String>(&["SET", &key, "1"]);
    timed(&stage, "@scheduled", 4_000_000_000, &job("a", "1", ""));
    timed(&stage, "@scheduled", 4_000_000_001, &job("a", "2", &unique));
    timed(&stage, "@retry", 4_000_000_000, &job("a", "3", r#","fails":2"#));
    timed(&stage, "@retry", 4_000_000_000, &job("b", "4", ""));

    let listed = seen(&stage, "scheduled list", "job=a", "");
    let ids: Vec<_> = listed.iter().map(|it| it["id"].as_str().expect("an id")).collect();
    assert_eq!(ids, ["1", "2", "3"]);
    assert_eq!(listed[0]["until"], "2096-10-02T07:06:40Z");

    queue(&stage, "scheduled run", "", "--id 3 --yes").expect(0);
    assert_eq!(stage.jobs("@jobs:a")[0]["fails"], 2, "the attempts count");
    queue(&stage, "scheduled drop", "", "--id 2").expect(0);
    assert_eq!(stage.ask::<i64>(&["EXISTS", &key]), 1, "`--yes` was not said");
    queue(&stage, "scheduled drop", "", "--id 2 --yes").expect(0);
    assert_eq!(stage.ask::<i64>(&["EXISTS", &key]), 0, "another one may come");
    queue(&stage, "scheduled drop", "", "--id 2 --yes").expect(1);
    let run = queue(&stage, "scheduled run", "", "--all --yes").expect(65);
    assert!(run.stdout.contains("run 1: done"), "{}", run.stdout);
    assert!(run.stdout.contains("run 4: not done: nobody has ever known"), "{}", run.stdout);
    assert_eq!((stage.members("@scheduled").len(), stage.members("@retry").len()), (0, 1));
}

#[test]
fn a_purge_leaves_what_is_worked_on_and_frees_unique_keys() {
    let stage = Stage::new();
    let unique = r#","unique":true"#;
    // The key of these arguments, whose digits Go keeps where it is told them as a number.
    let key = stage.key("unique:a:{\"n\":12345678901234567890}\n");
    stage.ask::<String>(&["SET", &key, "1"]);
    for number in 0..MANY {
        let more = if number == 7 { unique } else { "" };
        ready(&stage, "a", &job("a", &number.to_string(), more));
    }
    ready(&stage, "b", &job("b", "b1", ""));
    timed(&stage, "@scheduled", 4_000_000_000, &job("a", "s1", ""));
    timed(&stage, "@retry", 4_000_000_000, &job("b", "r1", ""));
    timed(&stage, "@dead", 1_600_000_000, &job("a", "d1", ""));
    stage.ask::<i64>(&["LPUSH", "@jobs:a:p1:inprogress", &job("a", "p1", "")]);
    stage.ask::<i64>(&["HSET", "@jobs:a:lock_info", "p1", "1"]);
    stage.ask::<i64>(&["LPUSH", "@kakehi:poison:jobs:a", "rubbish"]);

    let run = queue(&stage, "purge", "job=a", "").expect(0);
    assert!(run.stdout.contains(&format!("would remove {} messages", MANY + 2)), "{}", run.stdout);
    let run = queue(&stage, "purge", "job=a", "--yes").expect(0);
    assert!(run.stdout.contains(&format!("removed {} messages", MANY + 2)), "{}", run.stdout);
    let keys =
        ["dead", "jobs:a:lock_info", "jobs:a:p1:inprogress", "jobs:b", "known_jobs", "retry"];
    assert_eq!(stage.keys(), keys, "the unique key is free, and what is another job's is there");
    queue(&stage, "purge", "", "--yes").expect(0);
    assert_eq!(
        stage.keys(),
        &keys[..3].iter().chain(&["known_jobs"]).copied().collect::<Vec<_>>()[..]
    );
}

#[test]
fn a_purge_and_workers_each_take_a_job_once() {
    let stage = Stage::new();
    let lines: String = (0..3000).map(|number| format!("{{\"n\":{number}}}\n")).collect();
    stage.publish("job=a", "stdin:").stdin(lines).run().expect(0);
    let subscribe = stage.sandbox.subscribe().arg("--from").arg(stage.url("job=a"));
    let subscribe = subscribe.args("--batch 10 --max-messages 1000 --to stdout:");
    let worker = Process::start(subscribe, String::new(), false);
    let told = seen(&stage, "purge", "job=a", "--yes").remove(0);
    let worked = worker.end().stdout.iter().filter(|byte| **byte == b'\n').count();
    let left = stage.members("@jobs:a").len();
    let purged = told["removed"].as_u64().expect("a number");
    assert_eq!(purged + (worked + left) as u64, 3000, "{worked} worked on, {left} left");
    stage.assert_no_lock_is_left();
}

#[test]
fn a_redrive_that_is_killed_loses_nothing_and_doubles_nothing() {
    for _ in 0..5 {
        let stage = Stage::new();
        many_dead(&stage);
        let redrive = stage.sandbox.queue().args("dead redrive --all --yes").arg(stage.url(""));
        let mut redrive = Process::start(redrive, String::new(), false);
        wait_for("some are back", || (stage.members("@dead").len() < MANY).then_some(()));
        redrive.signal(Signal::SIGKILL);
        redrive.end();
        let ready = || stage.members("@jobs:a").len() + stage.members("@jobs:b").len();
        assert_eq!(stage.members("@dead").len() + ready(), MANY);
        queue(&stage, "dead redrive", "", "--all --yes").expect(0);
        assert_eq!((stage.members("@dead").len(), ready()), (0, MANY));
    }
}

#[test]
fn jobs_and_entries_of_the_clock_are_paused_and_resumed() {
    let stage = Stage::new();
    let named = "job=a,b&periodic=a:0 30 2 * * *";
    let run = queue(&stage, "pause", named, "").expect(0);
    let told = "job a: paused\njob b: paused\nperiodic a:0 30 2 * * *: paused\n";
    assert_eq!(run.stdout, told);
    assert_eq!(stage.ask::<i64>(&["EXISTS", "@jobs:a:paused", "@jobs:b:paused"]), 2);
    let entries: Vec<String> = stage.ask(&["SMEMBERS", "@kakehi:paused_periodic"]);
    assert_eq!(entries, ["a:0 30 2 * * *"]);
    let again = queue(&stage, "pause", "job=a", "").expect(0);
    assert_eq!(again.stdout, "job a: was paused already\n");
    let told = seen(&stage, "resume", named, "");
    assert_eq!(told[2], json!({"what": "periodic a:0 30 2 * * *", "changed": true}));
    assert_eq!(stage.keys(), [""; 0]);
    queue(&stage, "pause", "", "").expect(2);
}

#[test]
fn a_namespace_is_neither_made_nor_deleted() {
    let stage = Stage::new();
    let made = queue(&stage, "create", "job=a", "").expect(0);
    assert!(made.stdout.contains("already"), "{}", made.stdout);
    let run = queue(&stage, "delete", "job=a", "--yes").expect(78);
    assert!(run.stderr.contains("queue purge"), "{}", run.stderr);
    assert_eq!(stage.keys(), [""; 0]);
}

#[test]
fn what_only_jobs_can_do_is_said_of_other_queues() {
    let sandbox = Sandbox::new();
    sandbox.publish().args("stdin: --to sqlite:q.db").stdin("{}\n").run().expect(0);
    for action in ["pause sqlite:q.db", "scheduled list sqlite:q.db"] {
        let run = sandbox.queue().args(action).run().expect(78);
        assert!(run.stderr.contains("redis://HOST/DB"), "{}", run.stderr);
    }
}
