//! Programs in Go on `golang/appengine`, versions 1 and 2.

use crate::support::process::Process;
use crate::support::sandbox::{Program, Sandbox};
use crate::support::services;
use crate::support::serving::Serving;
use serde_json::{Value, json};

const VERSIONS: [&str; 2] = ["v1", "v2"];

/// A queue `pull-queue` in `q.db`, served.
fn serve(sandbox: &Sandbox) -> Serving {
    sandbox.queue().args("create sqlite:q.db?queue=pull-queue").run().expect(0);
    Serving::start(sandbox, "")
}

/// A program of `tests/clients/go` that calls this server.
fn client(sandbox: &Sandbox, serving: &Serving, version: &str, name: &str) -> Program {
    let program = services::go_clients().join(version).join(name);
    sandbox
        .shell("exec \"$0\"", program.to_str().expect("a UTF-8 path"))
        .env("API_HOST", serving.address.ip().to_string())
        .env("API_PORT", serving.address.port().to_string())
}

/// Makes calls one after the other; gives their answers.
fn calls(sandbox: &Sandbox, serving: &Serving, version: &str, calls: &[Value]) -> Vec<Value> {
    let lines: String = calls.iter().map(|call| format!("{call}\n")).collect();
    let run = client(sandbox, serving, version, "calls").stdin(lines).run().expect(0);
    let answers: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), calls.len(), "{}", run.stderr);
    answers
}

/// The tasks of an answer that is no error.
#[track_caller]
fn tasks(answer: &Value) -> Vec<Value> {
    assert_eq!(answer["error"], Value::Null, "{answer}");
    answer["tasks"].as_array().cloned().unwrap_or_default()
}

/// The names of the tasks of an answer.
#[track_caller]
fn names(answer: &Value) -> Vec<String> {
    let name = |task: &Value| task["name"].as_str().expect("a name").to_owned();
    tasks(answer).iter().map(name).collect()
}

#[test]
fn the_code_of_2014_runs_as_it_stands() {
    for version in VERSIONS {
        let sandbox = Sandbox::new();
        let serving = serve(&sandbox);
        let run = client(&sandbox, &serving, version, "seed").run().expect(0);
        assert_eq!(
            run.stdout,
            "leased: Hello world (leased 1)\n\
             by tag: render1 (leased 1), render2 (leased 1)\n\
             by the oldest: parse1 (leased 1), parse2 (leased 1)\n\
             left: \n"
        );
        serving.stop();
    }
}

/// One call of a task of `pull-queue`.
fn on_task(method: &str, task: &Value, seconds: u32) -> Value {
    json!({"method": method, "queue": "pull-queue", "tasks": [task], "seconds": seconds})
}

/// A lease of what has this tag; of the oldest's, where it is empty.
fn by_tag(tag: &str) -> Value {
    json!({"method": "LeaseByTag", "queue": "pull-queue", "max": 9, "seconds": 60, "tag": tag})
}

/// Fails the test unless the error of an answer holds this word.
#[track_caller]
fn told(answer: &Value, word: &str) {
    let error = answer["error"].as_str().unwrap_or_default();
    assert!(error.contains(word), "{word}: {answer}");
}

/// Fails the test unless the errors of an answer hold these words, one each.
#[track_caller]
fn each_told(answer: &Value, words: &[&str]) {
    let errors = answer["errors"].as_array().expect("one each");
    let told = |(error, word): (&Value, &&str)| {
        error
            .as_str()
            .is_some_and(|error| error.contains(*word) && error.is_empty() == word.is_empty())
    };
    assert_eq!(errors.len(), words.len(), "{answer}");
    assert!(errors.iter().zip(words).all(told), "{words:?}: {answer}");
}

#[test]
fn names_are_given_or_chosen_and_payloads_and_tags_come_back() {
    for version in VERSIONS {
        let sandbox = Sandbox::new();
        let serving = serve(&sandbox);
        let queue = "pull-queue";
        let answers = calls(
            &sandbox,
            &serving,
            version,
            &[
                json!({"method": "Add", "queue": queue, "tasks": [{"name": "a", "payload": "YQ=="}]}),
                json!({"method": "Add", "queue": queue, "tasks": [{"payload": "Yg==", "tag": "日本"}]}),
                json!({"method": "Add", "queue": queue, "tasks": [{"name": "a"}]}),
                json!({"method": "AddMulti", "queue": queue, "tasks": [{"name": "c"}, {"tag": "t"}]}),
                json!({"method": "Lease", "queue": queue, "max": 3, "seconds": 3600}),
            ],
        );
        assert_eq!(names(&answers[0]), ["a"]);
        let chosen = names(&answers[1]).remove(0);
        assert!(chosen.len() > 20, "nobody guesses {chosen}");
        assert_eq!(answers[2]["already_added"], true, "{}", answers[2]);
        assert_eq!(names(&answers[3])[0], "c");
        let leased = tasks(&answers[4]);
        assert_eq!(names(&answers[4]), ["a".to_owned(), chosen, "c".to_owned()]);
        assert_eq!((&leased[0]["payload"], &leased[0]["retry_count"]), (&json!("YQ=="), &json!(1)));
        assert_eq!((&leased[1]["payload"], &leased[1]["tag"]), (&json!("Yg=="), &json!("日本")));
        serving.stop();
    }
}

#[test]
fn the_end_of_a_lease_proves_it() {
    for version in VERSIONS {
        let sandbox = Sandbox::new();
        let serving = serve(&sandbox);
        let make = |all: &[Value]| calls(&sandbox, &serving, version, all);
        let lease = json!({"method": "Lease", "queue": "pull-queue", "max": 1, "seconds": 3600});
        let answers = make(&[on_task("Add", &json!({"name": "a"}), 0), lease.clone()]);
        let first = tasks(&answers[1]).remove(0);
        let extended = make(&[on_task("ModifyLease", &first, 7200)]).remove(0);
        let longer = tasks(&extended).remove(0);
        assert!(longer["eta"].as_i64() > first["eta"].as_i64(), "{extended}");
        let answers = make(&[
            // The end that it had before proves nothing any more.
            on_task("ModifyLease", &first, 60),
            on_task("ModifyLease", &json!({"name": "none", "eta": 1}), 60),
            lease.clone(),
            // A lease that ends now is released.
            on_task("ModifyLease", &longer, 0),
            lease,
        ]);
        told(&answers[0], "TASK_LEASE_EXPIRED");
        told(&answers[1], "UNKNOWN_TASK");
        assert_eq!(names(&answers[2]), [""; 0]);
        assert_eq!(answers[3]["error"], Value::Null);
        assert_eq!(tasks(&answers[4])[0]["retry_count"], 2, "a release does not lower it");
        serving.stop();
    }
}

#[test]
fn tasks_are_leased_by_their_tags() {
    for version in VERSIONS {
        let sandbox = Sandbox::new();
        let serving = serve(&sandbox);
        let add = json!({"method": "AddMulti", "queue": "pull-queue", "tasks": [
            {"name": "a"}, {"name": "b", "tag": "t"}, {"name": "c", "tag": "u"}, {"name": "d"},
            {"name": "e", "tag": "u"}
        ]});
        let all = [add, by_tag("x"), by_tag("t"), by_tag(""), by_tag(""), by_tag("")];
        let answers = calls(&sandbox, &serving, version, &all);
        let expected: [&[&str]; 5] = [&[], &["b"], &["a", "d"], &["c", "e"], &[]];
        for (answer, expected) in answers[1..].iter().zip(expected) {
            assert_eq!(names(answer), expected);
        }
        serving.stop();
    }
}

#[test]
fn each_task_that_is_deleted_is_told_of() {
    for version in VERSIONS {
        let sandbox = Sandbox::new();
        let serving = serve(&sandbox);
        let several = |method: &str, names: &[&str]| {
            let tasks: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"method": method, "queue": "pull-queue", "tasks": tasks})
        };
        let all = [
            several("AddMulti", &["a", "c"]),
            several("Delete", &["a"]),
            several("DeleteMulti", &["a", "c", "never"]),
            several("Add", &["a"]),
        ];
        let answers = calls(&sandbox, &serving, version, &all);
        assert_eq!(answers[1], json!({}));
        each_told(&answers[2], &["TOMBSTONED_TASK", "", "UNKNOWN_TASK"]);
        assert_eq!(answers[3]["already_added"], true, "the name counts for a while");
        serving.stop();
    }
}

#[test]
fn a_task_with_a_limit_of_its_own_becomes_a_dead_letter() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    let lease = json!({"method": "Lease", "queue": "pull-queue", "max": 9, "seconds": 0});
    let answers = calls(
        &sandbox,
        &serving,
        "v2",
        &[
            json!({"method": "AddMulti", "queue": "pull-queue", "tasks": [
                {"name": "limited", "retry_limit": 2}, {"name": "free"}
            ]}),
            lease.clone(),
            lease.clone(),
            lease.clone(),
            lease,
        ],
    );
    let leased: Vec<Vec<String>> = answers[1..].iter().map(names).collect();
    let count = |name: &str| leased.iter().flatten().filter(|it| *it == name).count();
    assert_eq!((count("limited"), count("free")), (2, 4), "{leased:?}");
    let dead = sandbox.queue().args("dead list sqlite:q.db?queue=pull-queue --json").run();
    let dead = dead.expect(0).stdout;
    assert!(dead.contains("\"limited\"") && !dead.contains("\"free\""), "{dead}");
    serving.stop();
}

#[test]
fn a_queue_is_counted_and_purged() {
    for version in VERSIONS {
        let sandbox = Sandbox::new();
        let serving = serve(&sandbox);
        let answers = calls(
            &sandbox,
            &serving,
            version,
            &[
                json!({"method": "QueueStats", "queues": ["pull-queue"]}),
                json!({"method": "AddMulti", "queue": "pull-queue", "tasks": [{}, {}, {}]}),
                json!({"method": "Lease", "queue": "pull-queue", "max": 2, "seconds": 60}),
                json!({"method": "QueueStats", "queues": ["pull-queue", "pull-queue"]}),
                json!({"method": "Purge", "queue": "pull-queue"}),
                json!({"method": "QueueStats", "queues": ["pull-queue"]}),
                json!({"method": "QueueStats", "queues": ["pull-queue", "none"]}),
            ],
        );
        let empty = "0001-01-01T00:00:00Z";
        let stats = |at: usize, of: usize| &answers[at]["stats"][of];
        assert_eq!((&stats(0, 0)["Tasks"], &stats(0, 0)["OldestETA"]), (&json!(0), &json!(empty)));
        for of in [0, 1] {
            let counted = stats(3, of);
            assert_eq!(
                (&counted["Tasks"], &counted["InFlight"], &counted["Executed1Minute"]),
                (&json!(3), &json!(2), &json!(2)),
                "{counted}"
            );
            assert_ne!(counted["OldestETA"], empty);
        }
        assert_eq!(answers[4], json!({}));
        assert_eq!(stats(5, 0)["Tasks"], 0);
        assert!(answers[6]["error"].as_str().unwrap().contains("UNKNOWN_QUEUE"), "{}", answers[6]);
        serving.stop();
    }
}

#[test]
fn a_bad_task_skips_its_neighbours() {
    for version in VERSIONS {
        let sandbox = Sandbox::new();
        let serving = serve(&sandbox);
        let all = [
            json!({"method": "AddMulti", "queue": "pull-queue", "tasks": [
                {"name": "a"}, {"name": "no name"}, {"name": "b"}, {"name": "a"}
            ]}),
            json!({"method": "QueueStats", "queues": ["pull-queue"]}),
        ];
        let answers = calls(&sandbox, &serving, version, &all);
        let words = ["SKIPPED", "INVALID_TASK_NAME", "SKIPPED", "DUPLICATE_TASK_NAME"];
        each_told(&answers[0], &words);
        assert_eq!(answers[1]["stats"][0]["Tasks"], 0, "nothing was added");
        serving.stop();
    }
}

#[test]
fn what_goes_beyond_the_limits_is_told() {
    for version in VERSIONS {
        let sandbox = Sandbox::new();
        let serving = serve(&sandbox);
        let lease = |queue: &str, max: u32, seconds: u32| json!({"method": "Lease", "queue": queue, "max": max, "seconds": seconds});
        let many: Vec<Value> = vec![json!({}); 101];
        let (all, words): (Vec<_>, Vec<_>) = [
            (json!({"method": "AddMulti", "queue": "pull-queue", "tasks": many}), "TOO_MANY_TASKS"),
            (on_task("Add", &json!({"method": "POST"}), 0), "INVALID_QUEUE_MODE"),
            (json!({"method": "Add", "queue": "none", "tasks": [{}]}), "UNKNOWN_QUEUE"),
            (lease("none", 1, 1), "UNKNOWN_QUEUE"),
            (lease("pull-queue", 1001, 1), "INVALID_REQUEST"),
            (lease("pull-queue", 1, 604_801), "INVALID_REQUEST"),
        ]
        .into_iter()
        .unzip();
        for (answer, word) in calls(&sandbox, &serving, version, &all).iter().zip(words) {
            told(answer, word);
        }
        serving.stop();
    }
}

#[test]
fn what_was_answered_outlasts_a_kill() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    let names: Vec<String> = (0..100).map(|n| format!("task-{n}")).collect();
    let all: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
    let add = json!({"method": "AddMulti", "queue": "pull-queue", "tasks": all});
    assert_eq!(tasks(&calls(&sandbox, &serving, "v1", &[add])[0]).len(), 100);
    let lease =
        |max| json!({"method": "Lease", "queue": "pull-queue", "max": max, "seconds": 3600});
    let leased = calls(&sandbox, &serving, "v2", &[lease(30)]);
    serving.kill();
    let serving = Serving::start(&sandbox, "");
    let rest = calls(&sandbox, &serving, "v2", &[lease(1000)]);
    let mut seen: Vec<String> =
        [&leased[0], &rest[0]].iter().flat_map(|it| self::names(it)).collect();
    let mut expected = names;
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected, "each is leased once");
    serving.stop();
}

#[test]
fn a_worker_in_go_and_one_on_the_file_share_the_tasks() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    let lines = "{\"id\":\"a\",\"body\":{\"n\":1}}\n{\"id\":\"b\",\"body\":{\"n\":2}}\n";
    let publish = sandbox.publish().args("stdin:?envelope --to sqlite:q.db?queue=pull-queue");
    publish.stdin(lines).run().expect(0);
    let lease = json!({"method": "Lease", "queue": "pull-queue", "max": 1, "seconds": 3600});
    let leased = calls(&sandbox, &serving, "v1", &[lease]);
    assert_eq!(names(&leased[0]), ["a"]);
    let run = sandbox.subscribe().args("--from sqlite:q.db?queue=pull-queue --to stdout:").run();
    assert_eq!(run.expect(0).stdout.trim(), "{\"n\":2}");
    let delete = json!({"method": "Delete", "queue": "pull-queue", "tasks": [{"name": "a"}]});
    assert_eq!(calls(&sandbox, &serving, "v1", &[delete])[0], json!({}));
    assert_eq!(serving.stop().code, 143);
}

#[test]
fn eight_workers_lease_each_task_once() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    let add: Vec<Value> = (0..10)
        .map(
            |_| json!({"method": "AddMulti", "queue": "pull-queue", "tasks": vec![json!({}); 100]}),
        )
        .collect();
    let added = calls(&sandbox, &serving, "v1", &add);
    let lease = json!({"method": "Lease", "queue": "pull-queue", "max": 20, "seconds": 3600});
    let lines: String = vec![format!("{lease}\n"); 20].concat();
    let workers: Vec<Process> = (0..8)
        .map(|n| {
            let program = client(&sandbox, &serving, VERSIONS[n % 2], "calls");
            Process::start(program, lines.clone(), false)
        })
        .collect();
    let mut leased: Vec<String> = Vec::new();
    for worker in workers {
        let end = worker.end();
        assert_eq!(end.code, 0, "{}", end.stderr);
        let answers = String::from_utf8(end.stdout).expect("UTF-8");
        for line in answers.lines() {
            leased.extend(names(&serde_json::from_str(line).expect("JSON")));
        }
    }
    let mut expected: Vec<String> = added.iter().flat_map(names).collect();
    leased.sort();
    expected.sort();
    assert_eq!(expected.len(), 1000);
    assert_eq!(leased, expected);
    serving.stop();
}
