//! Beside gocraft/work itself, on one Redis: what theirs enqueue ours work on, and the other way round.

mod failures;
mod killed;
mod mixed;
mod our_jobs;
mod periodic;
mod their_jobs;
mod unique;
mod watched;

use crate::support::process::{End, Process};
use nix::sys::signal::Signal;
use serde_json::Value;

/// Arguments as the original writes them: sorted, escaped, without spaces.
const ARGS: &[&str] = &[
    "null",
    "{}",
    r#"{"a":"x\u003c\u003e\u0026\u2028\u2029é😀/","b":"\"\\\n\t\u0001"}"#,
    r#"{"big":9007199254740993,"exact":1234567890123456789,"minus":-1,"zero":0}"#,
    r#"{"f":0.1,"g":1e+21,"h":1e-7,"i":100000000}"#,
    r#"{"deep":{"list":[1,[],{},null,true,"x"]},"empty":""}"#,
];

/// Has a program finish what it does, and waits for its end.
fn stop(mut program: Process) -> End {
    program.signal(Signal::SIGTERM);
    program.end()
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}
