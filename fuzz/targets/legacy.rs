//! Old bodies: what is taken for a Python dict is one JSON object, and what `str(dict)` would write
//! of a JSON object comes back as that object.

#![no_main]

use kakehi::sinks::legacy::to_json;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    for zone in [None, Some(chrono_tz::Asia::Tokyo), Some(chrono_tz::America::New_York)] {
        if let Ok(json) = to_json(text, zone) {
            let value: Value = serde_json::from_str(&json).expect("it is JSON");
            assert!(value.is_object());
            assert_eq!(to_json(text, zone).as_ref(), Ok(&json));
        }
    }
    if let Ok(value @ Value::Object(_)) = serde_json::from_str::<Value>(text)
        && depth(&value) < 100
    {
        let mut python = String::new();
        write(&value, &mut python);
        let json = to_json(&python, None).unwrap_or_else(|why| panic!("{python}: {why}"));
        assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON"), value, "{python}");
    }
});

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or_default(),
        Value::Object(values) => 1 + values.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// As Python's `repr` does it.
fn write(value: &Value, python: &mut String) {
    match value {
        Value::Null => python.push_str("None"),
        Value::Bool(true) => python.push_str("True"),
        Value::Bool(false) => python.push_str("False"),
        Value::Number(number) => python.push_str(&number.to_string()),
        Value::String(text) => write_string(text, python),
        Value::Array(values) => {
            python.push('[');
            for (at, value) in values.iter().enumerate() {
                python.push_str(if at == 0 { "" } else { ", " });
                write(value, python);
            }
            python.push(']');
        }
        Value::Object(values) => {
            python.push('{');
            for (at, (key, value)) in values.iter().enumerate() {
                python.push_str(if at == 0 { "" } else { ", " });
                write_string(key, python);
                python.push_str(": ");
                write(value, python);
            }
            python.push('}');
        }
    }
}

fn write_string(text: &str, python: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    python.push(quote);
    for c in text.chars() {
        match c {
            '\n' => python.push_str("\\n"),
            '\r' => python.push_str("\\r"),
            '\t' => python.push_str("\\t"),
            c if c == quote || c == '\\' => python.extend(['\\', c]),
            ' '..='~' | '\u{3041}'..='\u{30ff}' => python.push(c),
            c if (c as u32) < 0x100 => *python += &format!("\\x{:02x}", c as u32),
            c if (c as u32) < 0x10000 => *python += &format!("\\u{:04x}", c as u32),
            c => *python += &format!("\\U{:08x}", c as u32),
        }
    }
    python.push(quote);
}
