//! jq programs on random bodies: what a body is read as is written as the same JSON, with its digits;
//! a program gives JSON or an error, and never panics; any text is a program or is refused.

#![no_main]

use chrono::DateTime;
use kakehi::jq::{Program, Value};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// The most bytes of a value that are written.
const MOST: usize = 1 << 20;

/// Programs that end on every body.
const PROGRAMS: &[&str] = &[
    ".",
    ".[]?",
    "..",
    "keys?",
    "map(.)?",
    ".a.b > 28",
    "[.. | numbers] | add",
    "to_entries? | map(select(.value != null)) | from_entries",
    "tojson | fromjson",
    "tostring | ascii_downcase | test(\"a+b\")",
    ". as [$a, $b] | {a: $a, b: $b}",
    "{text: \"\\(.name): \\(.newest_events.te.val) degrees\"}",
    "fromdate",
    "sort? // unique? // length",
    "tonumber + 1",
    "[paths]",
    "@base64 | @base64d",
    "@uri, @html, @sh, @csv?",
    "ltrimstr(\"a\") | split(\"b\") | join(\"c\")",
    ".[1:] , .[-1]?, .[:2]?",
    "group_by(.)? | flatten?",
    "$message.attributes.name",
    "limit(3; recurse)",
    "floor, sqrt, -., . % 7",
];

static COMPILED: LazyLock<Vec<Program>> = LazyLock::new(|| {
    let compile = |text: &&str| Program::compile("`--map`", text).ok();
    PROGRAMS.iter().filter_map(compile).collect()
});

fuzz_target!(|input: (&str, &[u8])| {
    let (text, body) = input;
    let _ = Program::compile("`--map`", text); // that it ends is all
    let Ok(value) = Value::read(body) else { return };
    round(&value);
    for program in COMPILED.iter() {
        for given in program.run(value.clone(), Value::default(), DateTime::UNIX_EPOCH).take(100) {
            match given.and_then(|given| given.write(MOST)) {
                Ok(bytes) => drop(Value::read(&bytes).expect("what is given is JSON")),
                Err(why) => assert!(!why.is_empty() && why.chars().count() < 1000, "{why}"),
            }
        }
    }
});

/// Written and read again, a value is written the same way.
fn round(value: &Value) {
    if let Ok(bytes) = value.write(MOST) {
        let again = Value::read(&bytes).expect("it is JSON").write(MOST);
        assert_eq!(again.as_deref(), Ok(&bytes[..]));
    }
}
