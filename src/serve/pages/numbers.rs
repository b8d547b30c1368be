//! Numbers, times and texts, as pages show them.

use super::words;
use crate::text::visible;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use maud::{Markup, html};

/// A number with its thousands apart: `1,204`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with what it counts: `1 dead letter`, `1,204 dead letters`.
pub(super) fn things(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// How many messages a minute: `+12/min`, `steady`.
pub(super) fn rate(a_minute: f64) -> String {
    match a_minute.abs() {
        0.0..0.05 => "steady".to_owned(),
        0.05..10.0 => format!("{a_minute:+.1}/min"),
        _ => format!("{a_minute:+.0}/min"),
    }
}

/// How many bytes: `4.0 KiB`.
pub(super) fn bytes(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{}.{} KiB", bytes >> 10, ((bytes & 1023) * 10) >> 10),
        _ => format!("{}.{} MiB", bytes >> 20, ((bytes & 1_048_575) * 10) >> 20),
    }
}

/// A time in a zone, with its age: `2026-11-27 13:02:11 · 2 min ago`.
pub(super) fn time(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> Markup {
    let age = match now - at {
        age if age >= TimeDelta::zero() => words::ago(age),
        ahead => format!("in {}", words::length(-ahead)),
    };
    html! {
        time datetime=(at.to_rfc3339()) {
            (at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S")) " " span.age { (age) }
        }
    }
}

/// A text of somebody else: nothing in it acts on whoever reads it.
pub(super) fn shown(text: &str) -> String {
    visible(text.as_bytes())
}

/// The beginning of a payload, at most this many bytes, with its lines as they are; whether that is all
/// of it.
pub(super) fn payload(bytes: &[u8], most: usize) -> (String, bool) {
    let end = match bytes.get(..most) {
        None => bytes.len(),
        // No character is cut in two.
        Some(head) => (most.saturating_sub(3)..=most)
            .rev()
            .find(|end| std::str::from_utf8(&head[..*end]).is_ok())
            .unwrap_or(most),
    };
    let whole = bytes.len() <= most;
    let part = if whole { bytes } else { &bytes[..end] };
    let lines: Vec<_> = part.split(|byte| *byte == b'\n').map(visible).collect();
    (lines.join("\n"), whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345_678, "12,345,678")]
        {
            assert_eq!(count(number), text);
        }
        assert_eq!(things(1, "job"), "1 job");
        assert_eq!(things(1204, "job"), "1,204 jobs");
        for (a_minute, text) in
            [(0.0, "steady"), (-0.01, "steady"), (0.5, "+0.5/min"), (-120.4, "-120/min")]
        {
            assert_eq!(rate(a_minute), text);
        }
        for (size, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (4096, "4.0 KiB"),
            (1536, "1.5 KiB"),
            (3 << 19, "1.5 MiB"),
        ] {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn a_payload_is_text_whatever_it_is() {
        for (bytes, text) in [
            (&b"a\n\tb"[..], "a\n\\tb"),
            ("寝室 🏠".as_bytes(), "寝室 🏠"),
            (b"\xff\x00", "\\xff\\u{0}"),
            ("\u{202e}evil\r".as_bytes(), "\\u{202e}evil\\r"),
            (b"", ""),
        ] {
            assert_eq!(payload(bytes, 4096), (text.to_owned(), true));
        }
        assert_eq!(payload("寝室".as_bytes(), 4), ("寝".to_owned(), false));
        assert_eq!(payload("寝室".as_bytes(), 6), ("寝室".to_owned(), true));
        assert!(!payload(b"\xff\xff\xff", 2).1);
    }
}
