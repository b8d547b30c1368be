//! `--where`, `--map` and `--rate`, in both programs.

use crate::support::sandbox::{Run, Sandbox};
use serde_json::Value;

const READINGS: &str = r#"{"id":"cold","name":"garden","te":11.50}
{"id":"warm","name":"kitchen","te":30.10}
{"id":"none","name":"cellar"}
"#;

fn published(lines: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.publish().args("stdin:?id=id --to sqlite:q.db").stdin(lines).run().expect(0);
    sandbox
}

/// A drain of the queue with one more flag and its value.
fn drain(sandbox: &Sandbox, words: &str, flags: &[&str]) -> Run {
    let program = sandbox.subscribe().args("--from sqlite:q.db --summary json").args(words);
    flags.iter().fold(program, |program, flag| program.arg(flag)).run()
}

fn counted(run: &Run, name: &str) -> u64 {
    let last = run.stderr.lines().last().expect("a summary");
    let summary: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{}", run.stderr));
    summary[name].as_u64().expect("a count")
}

/// What a queue holds, a message or a dead letter a line.
fn peek(sandbox: &Sandbox, words: &str) -> Vec<Value> {
    let run = sandbox.queue().args("peek --json").args(words).run().expect(0);
    run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn what_is_not_chosen_is_acknowledged_and_counted() {
    let sandbox = published(READINGS);
    let run = drain(&sandbox, "--to stdout:", &["--where", ".te > 28"]).expect(0);
    assert_eq!(run.stdout.trim(), READINGS.lines().nth(1).unwrap(), "as it was written");
    let counts = ["received", "stored", "filtered", "dead"].map(|name| counted(&run, name));
    assert_eq!(counts, [3, 1, 2, 0]);
    assert!(peek(&sandbox, "sqlite:q.db").is_empty());
    let run = drain(&published(READINGS), "--to stdout:", &["--where", "false"]).expect(0);
    assert_eq!((&run.stdout[..], counted(&run, "filtered")), ("", 3));
}

#[test]
fn what_is_reshaped_keeps_its_digits_and_its_id() {
    let sandbox = published(READINGS);
    let flags = ["--map", "select(.te) | {text: \"\\(.name) \\($message.id)\", te}"];
    let run = drain(&sandbox, "--to stdout:?envelope", &flags).expect(0);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!((lines.len(), counted(&run, "filtered")), (2, 1), "{}", run.stdout);
    assert!(lines[0].contains(r#""id":"cold""#), "{}", lines[0]);
    assert!(lines[0].contains(r#"{"text":"garden cold","te":11.50}"#), "{}", lines[0]);
}

#[test]
fn what_a_program_fails_on_is_a_dead_letter_as_it_came_and_tells_nothing_of_itself() {
    for (flag, program, told) in [
        ("--where", ".name.x > 1", "cannot index a string"),
        ("--map", ".name, .te", "more than one value"),
        ("--map", "nan", "no JSON"),
        ("--map", "error(\"no such room\")", "no such room"),
    ] {
        let sandbox = published(r#"{"id":"a","name":"hunter2","te":1.0}"#);
        let run = drain(&sandbox, "--to stdout:", &[flag, program]).expect(65);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
        let letters = peek(&sandbox, "--dead sqlite:q.db");
        let text = letters[0].to_string();
        assert!(text.contains(told), "{program}: {text}");
        assert!(text.contains("hunter2"), "the body is as it came: {text}");
    }
}

#[test]
fn a_message_behind_one_that_is_rejected_in_its_group_is_stored_after_it() {
    let sandbox = Sandbox::new();
    let lines = "{\"id\":\"1\",\"g\":\"a\",\"n\":1}\n{\"id\":\"2\",\"g\":\"a\",\"n\":\"x\"}\n\
                 {\"id\":\"3\",\"g\":\"a\",\"n\":3}\n";
    let publish = sandbox.publish().args("stdin:?id=id&group=g --to sqlite:q.db").stdin(lines);
    publish.run().expect(0);
    let run = drain(&sandbox, "--to stdout:", &["--map", ".n + 1"]).expect(65);
    assert_eq!(run.stdout, "2\n4\n");
    assert_eq!((counted(&run, "stored"), counted(&run, "dead")), (2, 1));
}

#[test]
fn one_message_becomes_several_when_it_is_published() {
    let sandbox = Sandbox::new();
    let lines =
        "{\"id\":\"a\",\"of\":[1,2.0]}\n{\"id\":\"b\",\"of\":[3]}\n{\"id\":\"c\",\"of\":[]}\n";
    let publish = sandbox.publish().args("stdin:?id=id --to sqlite:q.db --summary json");
    let publish = publish.arg("--map").arg(".of[]").arg("--where").arg(".id != \"d\"");
    let run = publish.stdin(lines).run().expect(0);
    let counts = ["read", "published", "filtered"].map(|name| counted(&run, name));
    assert_eq!(counts, [3, 3, 1]);
    let run = drain(&sandbox, "--to stdout:?envelope", &[]).expect(0);
    let pairs = run.stdout.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        format!("{}={}", line["id"].as_str().unwrap(), line["body"])
    });
    assert_eq!(pairs.collect::<Vec<_>>(), ["a/1=1", "a/2=2.0", "b=3"]);
}

#[test]
fn what_cannot_be_published_is_kept_with_its_reason_and_stops_no_other() {
    let sandbox = Sandbox::new();
    let publish = sandbox.publish().args("stdin:?id=id --to sqlite:q.db --spool s.db");
    let run = publish.arg("--map").arg(".te + 1").stdin(
        r#"{"id":"a","te":"x"}
{"id":"b","te":1}
"#,
    );
    let run = run.run().expect(65);
    assert!(run.stderr.contains("message `a` was refused"), "{}", run.stderr);
    assert_eq!(peek(&sandbox, "sqlite:q.db").len(), 1);
    let list = run.stderr.split('`').find(|words| words.starts_with("queue dead list"));
    let list = list.unwrap_or_else(|| panic!("{}", run.stderr));
    let words = shlex::split(list).expect("a command");
    let shown = words[1..].iter().fold(sandbox.queue(), |queue, word| queue.arg(word)).run();
    assert!(shown.expect(0).stdout.contains("cannot calculate a string + 1"));
}

#[test]
fn what_is_no_program_is_refused_before_anything_is_read() {
    for (flag, program) in [("--where", ".a["), ("--map", "env"), ("--map", "import \"x\" as x; .")]
    {
        let sandbox = published(READINGS);
        let run = drain(&sandbox, "--to stdout:", &[flag, program]).expect(2);
        assert!(run.stderr.contains("is no jq program"), "{}", run.stderr);
        let publish = sandbox.publish().args("stdin: --to sqlite:other.db").arg(flag).arg(program);
        publish.stdin(READINGS).run().expect(2);
        assert!(!sandbox.path("other.db").exists());
        assert_eq!(peek(&sandbox, "sqlite:q.db").len(), 3);
    }
}

/// Ends for each number but 7.
const ENDLESS: &str = "if .n == 7 then last(repeat(1)) else . end";

const NUMBERS: &str = "{\"id\":\"a\",\"n\":1}\n{\"id\":\"b\",\"n\":7}\n{\"id\":\"c\",\"n\":3}\n";

#[test]
fn a_message_on_which_a_program_does_not_end_is_buried_at_last() {
    let sandbox = published(NUMBERS);
    let words = "--to sqlite:store.db --write-timeout 1s --max-attempts 2";
    let mut runs = 0;
    while peek(&sandbox, "--dead sqlite:q.db").is_empty() {
        let run = drain(&sandbox, words, &["--map", ENDLESS]);
        let waits = run.code == 0;
        assert!(waits || run.code == 69, "{run:?}");
        assert!(waits || run.stderr.contains("does not end on a message"), "{}", run.stderr);
        runs += usize::from(!waits);
    }
    assert_eq!(runs, 2, "each was an attempt");
    drain(&sandbox, words, &["--map", ENDLESS]).expect(0);
    assert!(peek(&sandbox, "sqlite:q.db").is_empty(), "the others are stored");
    let letters = peek(&sandbox, "--dead sqlite:q.db");
    assert!(letters[0].to_string().contains("gave up after 2 attempts"), "{letters:?}");
}

#[test]
fn publishing_ends_where_a_program_does_not_and_keeps_what_it_did_not_end_on() {
    let sandbox = Sandbox::new();
    let publish = sandbox.publish().args("stdin:?id=id --to sqlite:q.db --spool s.db");
    let publish = publish.args("--publish-timeout 1s --map").arg(ENDLESS);
    let run = publish.stdin(NUMBERS).run().expect(69);
    assert!(run.stderr.contains("message `b` was refused"), "{}", run.stderr);
    assert_eq!(peek(&sandbox, "sqlite:q.db").len(), 2);
}

#[test]
fn a_rehearsal_names_what_would_be_written_and_settles_nothing() {
    let sandbox = published(READINGS);
    let run = drain(&sandbox, "--to stdout: --dry-run -v", &["--where", ".te > 28"]).expect(0);
    assert!(run.stderr.contains("warm") && !run.stderr.contains("cold"), "{}", run.stderr);
    assert_eq!((counted(&run, "filtered"), &run.stdout[..]), (2, ""));
    assert_eq!(peek(&sandbox, "sqlite:q.db").len(), 3);
}

#[test]
fn what_waits_for_its_turn_is_given_back_when_the_run_ends() {
    let sandbox = published(READINGS);
    let words = "--to stdout: --rate 1/h --max-time 1s";
    let run = drain(&sandbox, words, &[]).expect(0);
    assert_eq!((counted(&run, "stored"), run.stdout.lines().count()), (1, 1));
    assert_eq!(peek(&sandbox, "sqlite:q.db").len(), 2);
    // What is left out takes no turn.
    let run = drain(&sandbox, words, &["--where", ".te > 28"]).expect(0);
    assert_eq!((counted(&run, "stored"), counted(&run, "filtered")), (1, 1));
    for rate in ["0/s", "fast", "10"] {
        drain(&sandbox, "--to stdout:", &["--rate", rate]).expect(2);
    }
}
