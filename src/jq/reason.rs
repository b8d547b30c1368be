//! Why a program is none, and why it failed on a body: in words that hold nothing of the body.

use crate::text;
use jaq_core::compile::Undefined;
use jaq_core::load::{self, Error};
use jaq_core::{Exn, compile};
use jaq_json::Val;
use serde::de::IgnoredAny;
use serde_json::Value;

/// An error that a program makes itself is told up to so many characters.
const MOST: usize = 200;

/// What errors begin with that name values: of these only the kinds are told.
const WITH_VALUES: [&str; 6] = [
    "cannot use ",
    "cannot calculate ",
    "cannot index ",
    "cannot parse ",
    "cannot convert ",
    "invalid path expression with input ",
];

/// Words of jq's own between the values of such an error, and behind them.
const OWN_WORDS: [&str; 23] = [
    "as",
    "with",
    "to",
    "+",
    "-",
    "*",
    "/",
    "%",
    "integer",
    "number",
    "string",
    "array",
    "object",
    "iterable",
    "rangeable",
    "(array",
    "or",
    "object)",
    "string)",
    "bytes",
    "time",
    "JSON:",
    "character",
];

/// Why a text cannot be read as a program.
pub(super) fn not_read(program: &str, errors: &load::Errors<&str, ()>) -> String {
    let first = errors.first().map(|(_, error)| error);
    let (what, at) = match first {
        Some(Error::Lex(errors)) => match errors.first() {
            Some((wanted, at)) => (wanted.as_str(), *at),
            None => ("something else", ""),
        },
        Some(Error::Parse(errors)) => match errors.first() {
            Some((wanted, at)) => (wanted.as_str(), *at),
            None => ("something else", ""),
        },
        Some(Error::Io(_)) | None => return "no other file is read into it".to_owned(),
    };
    format!("{what} is missing {}", position(program, at))
}

/// Where a part of the program is.
fn position(program: &str, part: &str) -> String {
    let start = load::span(program, part).start;
    match program.get(..start).filter(|before| before.len() < program.len()) {
        Some(before) => format!("at character {}", before.chars().count() + 1),
        None => "at the end".to_owned(),
    }
}

/// Why a program cannot be compiled: what it names is not there.
pub(super) fn not_compiled(errors: &compile::Errors<&str, ()>) -> String {
    let all = errors.iter().flat_map(|(_, errors)| errors);
    let named = all.map(|(name, missing)| match missing {
        Undefined::Filter(arity) => format!("there is no function `{name}/{arity}`"),
        missing => format!("there is no {} `{name}`", missing.as_str()),
    });
    named.collect::<Vec<_>>().join(", ")
}

/// Why a program failed on a body.
pub(super) fn failed(error: Exn<'_, Val>, program: &str) -> String {
    match error.get_err() {
        Ok(error) => match error.into_val() {
            Val::TStr(text) => told(&String::from_utf8_lossy(&text), program),
            value => told(&value.to_string(), program),
        },
        Err(_) => "it leaves a place that it is not in".to_owned(),
    }
}

/// An error without the values that it holds. What the program says by `error` is its author's.
fn told(error: &str, program: &str) -> String {
    let harmless = error.starts_with("cannot parse as ") // a kind follows
        || error.starts_with("index ") && error.ends_with(" out of bounds");
    if let Some(start) = WITH_VALUES.iter().find(|start| error.starts_with(**start) && !harmless) {
        return format!("{start}{}", kinds(&error[start.len()..], program));
    }
    match harmless || program.contains("error(") {
        true => text::one_line(error, MOST),
        false => "it fails on this body, and what it says may hold some of it".to_owned(),
    }
}

/// Puts its kind in the place of each value, unless the program holds that value as well. What is
/// neither a value nor a word of jq's own ends it: nobody knows how far such a value goes.
fn kinds(error: &str, program: &str) -> String {
    let (mut told, mut rest) = (Vec::new(), error);
    while !rest.is_empty() {
        let word = rest.split(' ').next().unwrap_or_default();
        let (part, after) = match value(rest) {
            Some((value, after)) if !told.is_empty() && is_in(program, value) => (value, after),
            Some((value, after)) => (kind(value), after),
            None if told.is_empty() => return "a value".to_owned(),
            None if OWN_WORDS.contains(&word) => (word, &rest[word.len()..]),
            None => break,
        };
        told.push(part);
        rest = after.trim_start();
    }
    told.join(" ")
}

fn is_in(program: &str, value: &str) -> bool {
    program.contains(value.trim_matches('"'))
}

/// The JSON value at the start of a text, and what follows it.
fn value(text: &str) -> Option<(&str, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(text.split_at(values.byte_offset()))
}

fn kind(value: &str) -> &'static str {
    match serde_json::from_str(value) {
        Ok(Value::Null) => "null",
        Ok(Value::Bool(_)) => "a boolean",
        Ok(Value::String(_)) => "a string",
        Ok(Value::Array(_)) => "an array",
        Ok(Value::Object(_)) => "an object",
        Ok(Value::Number(_)) | Err(_) => "a number",
    }
}
