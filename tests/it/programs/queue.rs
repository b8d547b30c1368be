//! The program `queue` on files that the other two programs made.

use crate::support::documents::{actions, examples};
use crate::support::queue_file::{publish, publish_all, stats};
use crate::support::sandbox::{Run, Sandbox};
use serde_json::{Value, json};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

/// Makes dead letters of these: the store refuses a body that is no object.
fn bury(sandbox: &Sandbox, ids: &str) {
    let lines: Vec<_> =
        ids.split_whitespace().map(|id| json!({"id": id, "body": "no object"})).collect();
    publish(sandbox, &lines);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(65);
}

fn queue(sandbox: &Sandbox, words: &str) -> Run {
    sandbox.queue().args(words).run()
}

/// What the program says with `--json`, a value a line.
fn lines(run: &Run) -> Vec<Value> {
    run.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The five counts: ready, waiting, scheduled, leased, dead.
fn counts(sandbox: &Sandbox) -> [u64; 5] {
    let stats = stats(sandbox);
    ["ready", "waiting", "scheduled", "leased", "dead"].map(|name| stats[name].as_u64().unwrap())
}

/// The file as another process sees it.
fn raw(sandbox: &Sandbox) -> rusqlite::Connection {
    rusqlite::Connection::open(sandbox.path("q.db")).unwrap()
}

fn millis() -> i64 {
    kakehi::clock::Clock::system().millis()
}

#[test]
fn stats_count_every_state_once() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d1 d2");
    publish_all(&sandbox, "a b g1@g g2@g g3@g");
    publish(&sandbox, &[json!({"id": "later", "body": 1, "not_before": "2099-01-01T00:00:00Z"})]);
    publish(&sandbox, &[json!({"id": "tagged", "body": 1, "tag": "t"})]);
    assert_eq!(counts(&sandbox), [4, 2, 1, 0, 2]);

    let stats = stats(&sandbox);
    assert!(stats["file_bytes"].as_u64().unwrap() > 0, "{stats}");
    assert!(stats["oldest_seconds"].as_u64().unwrap() < 600, "{stats}");
    let human = queue(&sandbox, "stats sqlite:q.db").expect(0).stdout;
    assert!(human.contains("ready       4\n") && human.contains("dead        2\n"), "{human}");
}

#[test]
fn stats_of_an_empty_queue_know_no_oldest_message() {
    let sandbox = Sandbox::new();
    publish(&sandbox, &[]);
    assert_eq!(counts(&sandbox), [0; 5]);
    assert_eq!(stats(&sandbox)["oldest_seconds"], Value::Null);
}

#[test]
fn stats_count_a_lease_that_has_ended_as_what_the_next_run_will_find() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b g1@g g2@g g3@g h1@h h2@h");
    let file = raw(&sandbox);
    let lease = |ids: &str, due: i64, span: i64| {
        let sql = format!(
            "UPDATE messages SET state = 3, due = {due}, span = {span}, token = 7
             WHERE id IN ({ids})"
        );
        file.execute(&sql, []).unwrap();
    };
    // One that runs, one that has ended, and one of a clock that was an hour ahead.
    lease("'a'", millis() + 60_000, 60_000);
    lease("'b'", millis() - 1, 30_000);
    lease("'g1', 'g2'", millis() + 3_600_000, 30_000);
    lease("'h1'", millis() + 60_000, 60_000);
    assert_eq!(counts(&sandbox), [2, 3, 0, 2, 0]);
    // What is due is ready, though nobody has looked yet.
    file.execute("UPDATE messages SET state = 2, due = 1 WHERE id = 'a'", []).unwrap();
    assert_eq!(counts(&sandbox), [3, 3, 0, 1, 0]);

    let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout: --max-messages 3").run();
    assert_eq!(run.expect(0).stdout.lines().count(), 3);
}

#[test]
fn looking_changes_nothing_and_makes_nothing() {
    let sandbox = Sandbox::new();
    for words in ["stats sqlite:missing.db", "stats sqlite:no/such/folder/q.db"] {
        let run = queue(&sandbox, words).expect(69);
        assert!(run.stderr.contains("because:") && run.stderr.contains("hint:"), "{}", run.stderr);
        assert_eq!(run.stdout, "");
    }
    assert_eq!(fs::read_dir(sandbox.dir()).unwrap().count(), 0);

    sandbox.write("empty.db", "");
    let run = queue(&sandbox, "stats sqlite:empty.db").expect(69);
    assert!(run.stderr.contains("`empty.db` is empty"), "{}", run.stderr);
    assert_eq!(fs::metadata(sandbox.path("empty.db")).unwrap().len(), 0);

    sandbox.write("text.db", "not a database, but long enough to look like one".repeat(99));
    queue(&sandbox, "stats sqlite:text.db").expect(78);

    publish_all(&sandbox, "a b");
    let before = fs::read(sandbox.path("q.db")).unwrap();
    queue(&sandbox, "stats sqlite:q.db").expect(0);
    assert_eq!(fs::read(sandbox.path("q.db")).unwrap(), before);
}

#[test]
fn a_store_is_not_taken_for_a_queue() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(0);
    let run = queue(&sandbox, "stats sqlite:s.db").expect(78);
    assert!(run.stderr.contains("it is a store, not a queue"), "{}", run.stderr);
}

#[test]
fn a_queue_that_is_not_in_the_file_is_refused_with_those_that_are() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    let run = queue(&sandbox, "stats sqlite:q.db?queue=readings").expect(69);
    assert!(run.stderr.contains("there is no queue `readings`"), "{}", run.stderr);
    assert!(run.stderr.contains("it holds `default`"), "{}", run.stderr);
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 0]);
}

#[test]
fn queues_without_an_inside_say_why() {
    let sandbox = Sandbox::new();
    let run = queue(&sandbox, "stats memory:q").expect(78);
    assert!(run.stderr.contains("process") && run.stderr.contains("sqlite:PATH"), "{}", run.stderr);
    queue(&sandbox, "stats ftp://x").expect(2);
    queue(&sandbox, "stats sqlite:q.db?qeue=x").expect(2);
}

#[test]
fn without_an_url_it_is_the_default_queue() {
    let sandbox = Sandbox::new();
    sandbox.publish().stdin("{\"a\":1}\n").run().expect(0);
    let run = queue(&sandbox, "stats --json").expect(0);
    assert_eq!(lines(&run)[0]["ready"], 1);
    publish_all(&sandbox, "a b");
    let run = sandbox.queue().args("stats --json").env("KAKEHI_QUEUE", "sqlite:q.db").run();
    assert_eq!(lines(&run.expect(0))[0]["ready"], 2);
}

#[test]
fn the_examples_of_its_help_run() {
    let sandbox = Sandbox::new();
    let publish = |line: &str| {
        sandbox.publish().args("--to sqlite:queue.db").stdin(format!("{line}\n")).run().expect(0);
    };
    publish("\"no object\"");
    sandbox.subscribe().args("--from sqlite:queue.db --to sqlite:s.db").run().expect(65);
    publish("{\"a\":1}");
    let programs = Path::new(env!("CARGO_BIN_EXE_queue")).parent().expect("a folder");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("a PATH"));
    let commands = examples("queue");
    assert!(commands.len() >= 2, "{commands:?}");
    for command in commands {
        let output = Command::new("bash")
            .args(["-o", "pipefail", "-euc", &command])
            .env_clear()
            .env("HOME", sandbox.dir())
            .env("PATH", &path)
            .current_dir(sandbox.dir())
            .output()
            .expect("bash starts");
        let run = Run::of(output).expect(0);
        assert!(!run.stdout.is_empty(), "{command}");
    }
}

#[test]
fn the_help_of_each_action_fits_a_terminal_of_80_columns() {
    let sandbox = Sandbox::new();
    let actions = actions();
    assert!(actions.contains(&"stats".to_owned()), "{actions:?}");
    for action in actions {
        let help = queue(&sandbox, &format!("{action} --help")).expect(0).stdout;
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{action}: {line}");
        }
        assert!(help.contains("--json"), "{action}");
    }
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let sandbox = Sandbox::new();
    for words in ["", "nonsense", "--json", "stats --nonsense", "stats -q -v"] {
        let run = queue(&sandbox, words).expect(2);
        assert!(!run.stderr.is_empty(), "{words}");
    }
}

#[test]
fn peek_shows_every_message_in_its_state_and_takes_none() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a g1@g g2@g");
    publish(&sandbox, &[json!({"id": "later", "body": 1, "not_before": "2099-01-01T00:00:00Z"})]);
    let file = raw(&sandbox);
    let due = millis() + 60_000;
    let lease = format!(
        "UPDATE messages SET state = 3, due = {due}, span = 60000, token = 7 WHERE id = 'a'"
    );
    file.execute(&lease, []).unwrap();

    let shown = lines(&queue(&sandbox, "peek sqlite:q.db --json").expect(0));
    let states: Vec<_> = shown.iter().map(|it| (it["id"].clone(), it["state"].clone())).collect();
    let expected = [("a", "leased"), ("g1", "ready"), ("g2", "waiting"), ("later", "scheduled")];
    assert_eq!(states, expected.map(|(id, state)| (json!(id), json!(state))));
    assert_eq!(shown[1]["body"], json!({"n": "g1"}));
    assert_eq!(shown[1]["group"], "g");
    assert_eq!(counts(&sandbox), [1, 1, 1, 1, 0]);

    let first = queue(&sandbox, "peek sqlite:q.db -n 2").expect(0).stdout;
    assert!(
        first.contains("a  leased until 20") && first.contains("g1  group g  ready"),
        "{first}"
    );
    assert!(first.contains("\n    {\"n\":\"a\"}\n") && !first.contains("g2"), "{first}");
}

#[test]
fn peek_shows_what_would_act_on_a_terminal() {
    let sandbox = Sandbox::new();
    // An escape that clears the screen, a bell, a byte that is no UTF-8.
    publish(&sandbox, &[json!({"id": "x\u{1b}[31m", "body_base64": "YRtbMkoH/w=="})]);
    let run = queue(&sandbox, "peek sqlite:q.db").expect(0);
    assert!(run.stdout.contains("x\\u{1b}[31m"), "{}", run.stdout);
    assert!(run.stdout.contains("a\\u{1b}[2J\\u{7}\\xff"), "{}", run.stdout);
    assert!(!run.stdout.contains(['\u{1b}', '\u{7}']), "{:?}", run.stdout);
    let exact = lines(&queue(&sandbox, "peek sqlite:q.db --json").expect(0));
    assert_eq!(exact[0]["body_base64"], "YRtbMkoH/w==");
}

#[test]
fn peek_goes_on_beyond_a_page() {
    let sandbox = Sandbox::new();
    let ids: Vec<_> = (0..450).map(|n| format!("m{n:03}")).collect();
    publish_all(&sandbox, &ids.join(" "));
    let shown = lines(&queue(&sandbox, "peek sqlite:q.db -n 430 --json").expect(0));
    let seen: Vec<_> = shown.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(seen, ids[..430]);
}

#[test]
fn a_file_that_may_only_be_read_can_be_looked_at() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    publish_all(&sandbox, "a");
    fs::set_permissions(sandbox.path("q.db"), fs::Permissions::from_mode(0o400)).unwrap();
    let before = fs::read(sandbox.path("q.db")).unwrap();
    for words in ["stats", "peek", "peek --dead", "dead list", "dead redrive --all"] {
        let run = queue(&sandbox, &format!("{words} sqlite:q.db")).expect(0);
        assert!(!run.stdout.is_empty(), "{words}");
    }
    assert_eq!(fs::read(sandbox.path("q.db")).unwrap(), before);
}

#[test]
fn dead_letters_are_listed_with_body_reason_and_attempts() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d1 d2");
    for words in ["dead list sqlite:q.db --json", "peek --dead sqlite:q.db --json"] {
        let letters = lines(&queue(&sandbox, words).expect(0));
        assert_eq!(letters.len(), 2);
        assert_eq!(letters[0]["id"], "d1");
        assert_eq!(letters[0]["body"], "no object");
        assert_eq!(letters[0]["attempts"], 1);
        assert!(!letters[0]["reason"].as_str().unwrap().is_empty());
        assert!(letters[0]["died_at"].is_string() && letters[0]["first_at"].is_string());
    }
    let one = queue(&sandbox, "dead list sqlite:q.db --id d2").expect(0).stdout;
    assert!(one.contains("d2  died 20") && one.contains(", 1 attempt: "), "{one}");
    assert!(one.contains("\n    \"no object\"\n") && !one.contains("d1"), "{one}");
    let run = queue(&sandbox, "dead list sqlite:q.db --id d1 nobody").expect(1);
    assert!(run.stdout.contains("d1") && run.stderr.contains("`nobody`"), "{}", run.stderr);
}

#[test]
fn a_reader_who_leaves_early_is_told_of_no_missing_letters() {
    let sandbox = Sandbox::new();
    let ids: Vec<_> = (0..600).map(|n| format!("d{n}")).collect();
    // More than a pipe holds, so that the program sees that nobody reads on.
    let lines: Vec<_> = ids.iter().map(|id| json!({"id": id, "body": "x".repeat(500)})).collect();
    publish(&sandbox, &lines);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(65);
    let words = format!("dead list sqlite:q.db --id {}", ids.join(" "));
    let mut child = sandbox.queue().args(&words).spawn();
    drop(child.stdin.take());
    let mut first = [0; 10];
    child.stdout.take().expect("a pipe").read_exact(&mut first).expect("the first bytes");
    let run = Run::of(child.wait_with_output().expect("it ends")).expect(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn a_redrive_asks_first_and_then_puts_everything_back() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d1 d2 d3");
    let shown = queue(&sandbox, "dead redrive sqlite:q.db --all").expect(0).stdout;
    assert_eq!(shown.matches("would redrive").count(), 3, "{shown}");
    assert!(shown.ends_with("nothing was changed: `--yes` does it\n"), "{shown}");
    assert!(!shown.contains("no object"), "{shown}");
    assert_eq!(counts(&sandbox), [0, 0, 0, 0, 3]);

    let run = queue(&sandbox, "dead redrive sqlite:q.db --id d2 --yes --json").expect(0);
    assert_eq!(lines(&run)[0]["done"], true);
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 2]);
    queue(&sandbox, "dead redrive sqlite:q.db --all --yes").expect(0);
    assert_eq!(counts(&sandbox), [3, 0, 0, 0, 0]);
    let back = lines(&queue(&sandbox, "peek sqlite:q.db --json").expect(0));
    let order: Vec<_> = back.iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(order, ["d2", "d1", "d3"]);
    assert!(back.iter().all(|it| it["attempts"] == 0 && it["body"] == "no object"));
    let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    assert_eq!(run.stdout.lines().count(), 3);
}

#[test]
fn a_redriven_message_keeps_its_group_attributes_and_time() {
    let sandbox = Sandbox::new();
    let letter = json!({"id": "d", "group": "g", "tag": "t", "attributes": {"k": "v"}, "body": 7});
    publish(&sandbox, std::slice::from_ref(&letter));
    let before = lines(&queue(&sandbox, "peek sqlite:q.db --json").expect(0)).remove(0);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(65);
    publish_all(&sandbox, "g1@g");
    queue(&sandbox, "dead redrive sqlite:q.db --all --yes").expect(0);
    let after = lines(&queue(&sandbox, "peek sqlite:q.db --json").expect(0)).remove(1);
    for field in ["id", "group", "tag", "attributes", "body", "published_at"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(after["state"], "waiting");
}

#[test]
fn a_redrive_never_overwrites_what_was_published_since() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d1 d2");
    publish_all(&sandbox, "d1");
    let run = queue(&sandbox, "dead redrive sqlite:q.db --all --yes").expect(65);
    assert!(run.stdout.contains("redrive d1: not done: another message"), "{}", run.stdout);
    assert!(run.stdout.contains("redrive d2: done"), "{}", run.stdout);
    assert!(run.stderr.contains("1 of 2 dead letters are still there"), "{}", run.stderr);
    assert_eq!(counts(&sandbox), [2, 0, 0, 0, 1]);
}

#[test]
fn a_drop_asks_first_and_then_forgets() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d1 d2 d3");
    publish_all(&sandbox, "a");
    let shown = queue(&sandbox, "dead drop sqlite:q.db --id d1").expect(0).stdout;
    assert!(shown.starts_with("would drop d1") && shown.contains("`--yes`"), "{shown}");
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 3]);
    queue(&sandbox, "dead drop sqlite:q.db --yes --id d1 d2").expect(0);
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 1]);
    let run = queue(&sandbox, "dead drop sqlite:q.db --yes --id d1 d3").expect(1);
    assert!(run.stderr.contains("`d1`"), "{}", run.stderr);
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 0]);
}

#[test]
fn dead_letters_are_chosen_by_saying_which() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    // The last word is an id: which queue is meant was not said, and none is guessed.
    queue(&sandbox, "dead drop --yes --id d sqlite:q.db").expect(2);
    for words in ["redrive", "drop", "redrive --id d --all", "drop --yes"] {
        queue(&sandbox, &format!("dead {words} sqlite:q.db")).expect(2);
    }
    assert_eq!(counts(&sandbox), [0, 0, 0, 0, 1]);
}

#[test]
fn create_makes_a_queue_once() {
    let sandbox = Sandbox::new();
    let run = queue(&sandbox, "create sqlite:new/q.db?queue=readings").expect(0);
    assert_eq!(
        run.stdout,
        "made sqlite:new/q.db?queue=readings (sqlite new/q.db queue readings)\n"
    );
    let run = queue(&sandbox, "create sqlite:new/q.db?queue=readings --json").expect(0);
    assert_eq!(lines(&run)[0]["made"], false);
    queue(&sandbox, "stats sqlite:new/q.db?queue=readings").expect(0);
    let run = queue(&sandbox, "stats sqlite:new/q.db").expect(69);
    assert!(run.stderr.contains("it holds `readings`"), "{}", run.stderr);
    queue(&sandbox, "create memory:t").expect(78);
}

#[test]
fn purge_asks_first_and_leaves_dead_letters_and_other_queues() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    publish_all(&sandbox, "a b g1@g g2@g");
    let other = sandbox.publish().args("--to sqlite:q.db?queue=other").stdin("{\"a\":1}\n");
    other.run().expect(0);
    let shown = queue(&sandbox, "purge sqlite:q.db").expect(0).stdout;
    assert_eq!(shown, "would remove 4 messages\nnothing was changed: `--yes` does it\n");
    assert_eq!(counts(&sandbox), [3, 1, 0, 0, 1]);

    let run = queue(&sandbox, "purge sqlite:q.db --yes --json").expect(0);
    assert_eq!(lines(&run), [json!({"removed": 4, "done": true})]);
    assert_eq!(counts(&sandbox), [0, 0, 0, 0, 1]);
    let run = queue(&sandbox, "stats sqlite:q.db?queue=other --json").expect(0);
    assert_eq!(lines(&run)[0]["ready"], 1);
    let bodies: i64 =
        raw(&sandbox).query_row("SELECT count(*) FROM bodies", [], |row| row.get(0)).unwrap();
    assert_eq!(bodies, 1);
    // A group whose messages went goes on with what comes.
    publish_all(&sandbox, "g3@g");
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 1]);
}

#[test]
fn purge_takes_more_than_one_step() {
    let sandbox = Sandbox::new();
    let lines: String = (0..4500).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    sandbox.publish().args("--to sqlite:q.db").stdin(lines).run().expect(0);
    let run = queue(&sandbox, "purge sqlite:q.db --yes").expect(0);
    assert_eq!(run.stdout, "removed 4500 messages\n");
    assert_eq!(counts(&sandbox), [0; 5]);
}

#[test]
fn delete_asks_first_and_then_ends_the_queue_and_no_other() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    publish_all(&sandbox, "a b");
    let other = sandbox.publish().args("--to sqlite:q.db?queue=other").stdin("{\"a\":1}\n");
    other.run().expect(0);
    let shown = queue(&sandbox, "delete sqlite:q.db").expect(0).stdout;
    assert!(shown.starts_with("would delete the queue, 2 messages and 1 dead letters"), "{shown}");
    assert_eq!(counts(&sandbox), [2, 0, 0, 0, 1]);

    queue(&sandbox, "delete sqlite:q.db --yes").expect(0);
    let run = queue(&sandbox, "stats sqlite:q.db").expect(69);
    assert!(run.stderr.contains("it holds `other`"), "{}", run.stderr);
    let run = queue(&sandbox, "stats sqlite:q.db?queue=other --json").expect(0);
    assert_eq!(lines(&run)[0]["ready"], 1);
    publish_all(&sandbox, "a");
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 0]);
    queue(&sandbox, "delete sqlite:missing.db --yes").expect(69);
    assert!(!sandbox.path("missing.db").exists());
}

#[test]
fn a_queue_that_a_program_has_open_is_not_deleted() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    let file = raw(&sandbox);
    let count = || file.query_row("SELECT count(*) FROM messages", [], |row| row.get::<_, i64>(0));
    assert_eq!(count().unwrap(), 1);
    let run = queue(&sandbox, "delete sqlite:q.db --yes").expect(69);
    assert!(run.stderr.contains("another program holds it locked"), "{}", run.stderr);
    assert_eq!(count().unwrap(), 1);
    drop(file);
    queue(&sandbox, "delete sqlite:q.db --yes").expect(0);
}

/// Leases, and gives the lines of JSON.
fn lease(sandbox: &Sandbox, words: &str) -> Vec<Value> {
    lines(&queue(sandbox, &format!("lease sqlite:q.db --json {words}")).expect(0))
}

fn receipt(leased: &Value) -> &str {
    leased["receipt"].as_str().unwrap()
}

#[test]
fn a_lease_outlives_its_process_and_is_settled_by_its_receipt() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b c");
    let leased = lease(&sandbox, "-n 2");
    assert_eq!(leased.len(), 2);
    assert_eq!(leased[0]["id"], "a");
    assert_eq!(leased[0]["body"], json!({"n": "a"}));
    assert_eq!(leased[0]["attempt"], 1);
    assert_eq!(counts(&sandbox), [1, 0, 0, 2, 0]);
    let human = queue(&sandbox, "lease sqlite:q.db -n 9 --for 5m").expect(0).stdout;
    assert!(human.contains("  c\n    {\"n\":\"c\"}\n"), "{human}");
    assert_eq!(lease(&sandbox, ""), Vec::<Value>::new());

    let run = queue(&sandbox, &format!("ack sqlite:q.db {}", receipt(&leased[0]))).expect(0);
    assert_eq!(run.stdout, format!("ack {}: done\n", receipt(&leased[0])));
    let run = queue(&sandbox, &format!("release sqlite:q.db --json {}", receipt(&leased[1])));
    assert_eq!(lines(&run.expect(0))[0]["done"], true);
    assert_eq!(counts(&sandbox), [1, 0, 0, 1, 0]);
    // Given back as if never received.
    assert_eq!(lease(&sandbox, "")[0]["attempt"], 1);
}

#[test]
fn a_receipt_opens_its_lease_once_and_no_other_queue() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "g1@g g2@g g3@g");
    queue(&sandbox, "create sqlite:q.db?queue=other").expect(0);
    let leased = lease(&sandbox, "-n 2");
    let receipts = format!("{} {}", receipt(&leased[0]), receipt(&leased[1]));
    for verb in ["ack", "release", "extend"] {
        let run = queue(&sandbox, &format!("{verb} sqlite:q.db?queue=other {receipts}")).expect(1);
        assert!(run.stderr.contains("2 of 2 receipts hold no lease"), "{}", run.stderr);
    }
    assert_eq!(counts(&sandbox), [0, 1, 0, 2, 0]);

    queue(&sandbox, &format!("ack sqlite:q.db {receipts}")).expect(0);
    assert_eq!(counts(&sandbox), [1, 0, 0, 0, 0]);
    let last = lease(&sandbox, "");
    let run = queue(&sandbox, &format!("ack sqlite:q.db {receipts} {}", receipt(&last[0])));
    let run = run.expect(1);
    assert_eq!(run.stdout.matches("not done").count(), 2, "{}", run.stdout);
    assert_eq!(counts(&sandbox), [0; 5]);
    for rubbish in ["x", "1-2-3", "99999999999999999999-1", "1-1"] {
        queue(&sandbox, &format!("ack sqlite:q.db {rubbish}")).expect(1);
    }
}

#[test]
fn a_group_is_leased_alone_and_in_its_order() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a g1@g h1@h g2@g g3@g b");
    let leased = |words: &str| {
        let leased = lease(&sandbox, words);
        leased.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(leased("--group g -n 2"), ["g1", "g2"]);
    assert!(leased("--group g -n 9").is_empty(), "some of it are leased");
    assert!(leased("--group nobody -n 9").is_empty());
    assert_eq!(leased("--group h -n 9"), ["h1"]);
    assert_eq!(leased("-n 9"), ["a", "b"]);
}

#[test]
fn a_lease_lasts_as_long_as_was_said_and_can_be_extended() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    let leased = lease(&sandbox, "--for 2m");
    let file = raw(&sandbox);
    let left = || {
        let sql = "SELECT due - ?1, span FROM messages";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        file.query_row(sql, [millis()], read).unwrap()
    };
    assert_eq!(left().1, 120_000);
    queue(&sandbox, &format!("extend sqlite:q.db {} --for 2h", receipt(&leased[0]))).expect(0);
    let (left, span) = left();
    assert!(left > 120_000 && span == 7_200_000, "{left} {span}");
    for time in ["0s", "10ms", "soon"] {
        queue(&sandbox, &format!("lease sqlite:q.db --for {time}")).expect(2);
    }
}

#[test]
fn what_is_leased_from_the_shell_is_not_given_to_a_subscriber() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b");
    lease(&sandbox, "");
    let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    assert_eq!(run.stdout, "{\"n\":\"b\"}\n");
    assert_eq!(counts(&sandbox), [0, 0, 0, 1, 0]);
    raw(&sandbox).execute("UPDATE messages SET due = 1", []).unwrap();
    let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    assert_eq!(run.stdout, "{\"n\":\"a\"}\n");
}

#[test]
fn verify_finds_a_file_in_order() {
    let sandbox = Sandbox::new();
    bury(&sandbox, "d");
    publish_all(&sandbox, "a g1@g g2@g h1@h");
    publish(&sandbox, &[json!({"id": "t", "body": 1, "tag": "t", "attributes": {"k": "v"}})]);
    lease(&sandbox, "-n 3");
    let before = fs::read(sandbox.path("q.db")).unwrap();
    let run = queue(&sandbox, "verify q.db").expect(0);
    assert!(run.stdout.lines().all(|line| line.starts_with("ok  ")), "{}", run.stdout);
    assert!(run.stdout.lines().count() > 8, "{}", run.stdout);
    let checks = lines(&queue(&sandbox, "verify q.db --json").expect(0));
    assert!(checks.iter().all(|check| check["wrong"] == 0), "{checks:?}");
    assert_eq!(fs::read(sandbox.path("q.db")).unwrap(), before);
}

#[test]
fn verify_names_what_does_not_agree() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a g1@g g2@g");
    raw(&sandbox).execute_batch("DELETE FROM bodies; UPDATE messages SET state = 1").unwrap();
    let run = queue(&sandbox, "verify q.db").expect(1);
    assert!(run.stdout.contains("wrong  every message has a body: 3 times"), "{}", run.stdout);
    assert!(run.stdout.contains("wrong  what waits has a group: 1 times"), "{}", run.stdout);
    assert!(run.stdout.contains("group of message 2"), "{}", run.stdout);
    assert!(run.stderr.contains("`q.db` is not in order"), "{}", run.stderr);
}

#[test]
fn verify_survives_a_file_that_is_damaged() {
    let sandbox = Sandbox::new();
    let lines: String = (0..2000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    sandbox.publish().args("--to sqlite:q.db").stdin(lines).run().expect(0);
    let whole = fs::read(sandbox.path("q.db")).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 50, "{pages}");
    for page in (1..pages).step_by(7) {
        let mut torn = whole.clone();
        torn[page * 4096..(page + 1) * 4096].fill(0xa5);
        sandbox.write("torn.db", &torn);
        let run = queue(&sandbox, "verify torn.db");
        assert!([1, 78].contains(&run.code), "page {page}: {run:?}");
        assert!(run.stderr.contains("hint:"), "{}", run.stderr);
    }
    // Half of the file is gone.
    sandbox.write("torn.db", &whole[..whole.len() / 2]);
    let run = queue(&sandbox, "verify torn.db");
    assert!([1, 78].contains(&run.code), "{run:?}");
    for words in ["verify missing.db", "verify ."] {
        queue(&sandbox, words).expect(78);
    }
}
