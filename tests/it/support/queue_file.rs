//! A queue in a file, `q.db` in the sandbox: filled, worked off by a command, counted.

use crate::support::sandbox::{Program, Sandbox};
use serde_json::{Value, json};

/// Publishes lines, in the form of `stdout:?envelope`, into `q.db`.
pub fn publish(sandbox: &Sandbox, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let publish = sandbox.publish().args("stdin:?envelope&max-line=100000000 --to sqlite:q.db");
    publish.stdin(text).run().expect(0);
}

/// A line for `publish` from `id` or `id@group`, with `{"n": id}` as body.
pub fn message(word: &str) -> Value {
    match word.split_once('@') {
        Some((id, group)) => json!({"id": id, "group": group, "body": {"n": id}}),
        None => json!({"id": word, "body": {"n": word}}),
    }
}

/// Publishes such messages, named by words.
pub fn publish_all(sandbox: &Sandbox, words: &str) {
    publish(sandbox, &words.split_whitespace().map(message).collect::<Vec<_>>());
}

/// `subscribe` with a shell script as its command.
pub fn subscribe(sandbox: &Sandbox, flags: &str, script: &str) -> Program {
    sandbox.subscribe().args("--from sqlite:q.db").args(flags).args("-- sh -c").arg(script)
}

/// What the queue holds: `ready`, `leased`, `dead` and the others.
pub fn stats(sandbox: &Sandbox) -> Value {
    let run = sandbox.queue().args("stats sqlite:q.db --json").run().expect(0);
    serde_json::from_str(&run.stdout).expect("JSON")
}
