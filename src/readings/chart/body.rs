//! What is drawn of a chart, and how it is written as SVG.

use super::DrawnLine;
use crate::text;
use std::fmt::Write as _;

/// How wide what is drawn is in units of its own, which are stretched to the width of the chart.
pub(super) const WIDTH: f64 = 10_000.0;

/// What is drawn of a chart.
pub(super) struct Body {
    /// How high it is, in pixels.
    pub(super) height: f64,
    /// What is stretched: [`WIDTH`] units wide.
    pub(super) stretched: String,
    /// What is not: texts, at per cents of the width.
    pub(super) fixed: String,
    /// The lowest and the highest value of the axis, where there is one.
    pub(super) span: Option<(f64, f64)>,
}

/// A position from 0 to 1, in whole units of what is stretched.
pub(super) fn across(position: f64) -> u32 {
    (position * WIDTH).round() as u32
}

/// The classes of a line, and what is drawn in them.
pub(super) fn group(line: &DrawnLine, inside: &str) -> String {
    format!("<g class=\"{}\">{inside}</g>", line.mark.classes())
}

/// Adds to a text.
pub(super) fn add(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("writing to a string does not fail");
}

/// Any text as the content of an element or of an attribute; what acts, or is no character of XML, is
/// written out.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text::visible(text.as_bytes()).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
