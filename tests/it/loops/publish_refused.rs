//! Lines that are no messages: kept as dead letters of the spool, since they cannot be read again.

use crate::support::sandbox::{Program, Run, Sandbox};
use serde_json::Value;

fn publish(sandbox: &Sandbox, input: impl Into<Vec<u8>>) -> Program {
    sandbox.publish().args("stdin:?id=id --to sqlite:q.db").stdin(input)
}

/// The URL in the hint of a run.
fn told(run: &Run) -> String {
    let (_, rest) = run.stderr.split_once("`queue dead list '").expect("a command");
    rest.split('\'').next().expect("its argument").to_owned()
}

fn letters(sandbox: &Sandbox, url: &str) -> Vec<Value> {
    let run = sandbox.queue().args("dead list --json").arg(url).run().expect(0);
    run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn reasons(letters: &[Value]) -> Vec<&str> {
    letters.iter().map(|letter| letter["reason"].as_str().expect("a string")).collect()
}

#[test]
fn refused_lines_are_dead_letters_of_the_spool_with_their_bytes_line_and_reason() {
    let sandbox = Sandbox::new();
    let input = b"{\"id\":\"a\"}\nnot json\n{\"other\":1}\n\"\xff\"\n{\"id\":\"b\"}\n";
    let run = publish(&sandbox, input.as_slice()).run().expect(65);
    assert!(run.stderr.contains("line 2 was refused"), "{}", run.stderr);
    let found = letters(&sandbox, &told(&run));
    assert_eq!(
        reasons(&found),
        [
            "line 2: it is not JSON: expected ident at column 2",
            "line 3: it has no `id`, which holds the id",
            "line 4: it is not UTF-8: byte 2",
        ]
    );
    assert_eq!(found[1]["body"], serde_json::json!({"other": 1}), "{}", found[1]);
    assert_eq!(found[2]["body_base64"], "Iv8i", "{}", found[2]);
    assert!(found[0].to_string().contains("not json") || found[0]["body_base64"] == "bm90IGpzb24=");
}

#[test]
fn the_same_line_in_the_same_place_is_kept_once() {
    let sandbox = Sandbox::new();
    let url = told(&publish(&sandbox, "bad\nbad\n").run().expect(65));
    assert_eq!(letters(&sandbox, &url).len(), 2);
    publish(&sandbox, "bad\nbad\n").run().expect(65);
    assert_eq!(letters(&sandbox, &url).len(), 2);
    publish(&sandbox, "bad\nworse\n").run().expect(65);
    assert_eq!(letters(&sandbox, &url).len(), 3);
}

#[test]
fn a_line_that_is_too_long_is_kept_whole_as_far_as_it_is_not_huge() {
    let sandbox = Sandbox::new();
    let line = format!("{{\"id\":\"{}\"}}", "x".repeat(300));
    let huge = "y".repeat(3 << 20);
    let program = sandbox.publish().args("stdin:?id=id&max-line=100 --to sqlite:q.db");
    let run = program.stdin(format!("{line}\n{huge}\n")).run().expect(65);
    let found = letters(&sandbox, &told(&run));
    assert_eq!(found[0]["body"], serde_json::from_str::<Value>(&line).expect("JSON"));
    let reasons = reasons(&found);
    assert_eq!(reasons[0], "line 1: it is longer than 100 bytes (`max-line`)");
    assert_eq!(
        reasons[1],
        "line 2: it is longer than 100 bytes (`max-line`); only the first 1048576 of its 3145729 \
         bytes are kept"
    );
}

#[test]
fn a_refused_line_that_is_put_back_is_published_as_it_is() {
    let sandbox = Sandbox::new();
    let url = told(&publish(&sandbox, "not json\n{\"n\":1}\n").run().expect(65));
    sandbox.queue().args("dead redrive --all --yes").arg(&url).run().expect(0);
    let run = publish(&sandbox, "").args("--summary json").run().expect(0);
    assert!(run.stderr.contains("\"drained\":2"), "{}", run.stderr);
    let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    assert_eq!(run.stdout, "\"not json\"\n{\"n\":1}\n", "what is no JSON is shown as a string");
}

#[test]
fn without_a_spool_refused_lines_are_only_named() {
    let sandbox = Sandbox::new();
    let run = publish(&sandbox, "bad\n{\"id\":\"a\"}\n").arg("--no-spool").run().expect(65);
    assert!(run.stderr.contains("line 1 was refused"), "{}", run.stderr);
    assert!(!run.stderr.contains("queue dead list"), "{}", run.stderr);
    assert!(!sandbox.path(".local").exists());
}

#[test]
fn a_dry_run_keeps_no_refused_lines() {
    let sandbox = Sandbox::new();
    publish(&sandbox, "{\"id\":\"a\"}\n").run().expect(0);
    publish(&sandbox, "bad\n").arg("--dry-run").run().expect(65);
    assert!(!sandbox.path(".local").exists());
}

#[test]
fn a_home_that_is_missing_is_said_once_unless_no_spool_is_wanted() {
    let sandbox = Sandbox::new();
    let homeless = |arguments: &str| {
        let run = publish(&sandbox, "{\"id\":\"a\"}\n").args(arguments).env("HOME", "");
        run.run().expect(0).stderr
    };
    let said = homeless("");
    assert_eq!(said.matches("there is no spool to keep it").count(), 1, "{said}");
    assert!(said.contains("`HOME`") && said.contains("`--spool PATH`"), "{said}");
    for arguments in ["--no-spool", "--spool spool.db", "--dry-run"] {
        let said = homeless(arguments);
        assert!(!said.contains("no spool to keep"), "{arguments}: {said}");
    }
}
