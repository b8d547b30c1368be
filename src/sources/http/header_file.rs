//! `header-file=FILE`: headers that are sent with each request, a line each. They may be secrets, so
//! that nothing of them is shown.

use crate::clients::http::warn_of_readers;
use crate::error::{Error, Kind, Result};
use crate::text;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::fs;
use std::path::Path;

/// Headers that are ours to set.
const OURS: &[&str] = &[
    "connection",
    "content-length",
    "host",
    "if-modified-since",
    "if-none-match",
    "transfer-encoding",
];

/// Reads `Name: value` lines; blank ones, and those that begin with `#`, are passed over.
///
/// # Errors
/// `Configuration` for a file that cannot be read, and for a line that is no header.
pub(super) fn read(path: &Path) -> Result<HeaderMap> {
    let failed = |why: String| {
        let what = format!("cannot use the headers in `{}`", text::of_name(path));
        Error::new(Kind::Configuration, what)
            .because_of(why)
            .hint("write a line `Name: value` each")
    };
    warn_of_readers(path.as_os_str());
    let content = fs::read_to_string(path).map_err(|cause| failed(cause.to_string()))?;
    parse(&content).map_err(failed)
}

fn parse(content: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (at, line) in content.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = header(line).ok_or_else(|| format!("line {} is no header", at + 1))?;
        if OURS.contains(&name.as_str()) {
            return Err(format!("line {}: `{name}` is set by this program", at + 1));
        }
        if headers.insert(&name, value).is_some() {
            return Err(format!("line {}: `{name}` stands twice", at + 1));
        }
    }
    Ok(headers)
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    let mut value = HeaderValue::from_str(value.trim()).ok()?;
    value.set_sensitive(true);
    Some((name.trim_end().parse().ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_never_shown() {
        let headers = parse("# the key\n\nX-Api-Key: hunter2\r\nAccept:application/json").unwrap();
        assert_eq!(headers["x-api-key"], "hunter2");
        assert_eq!(headers["accept"], "application/json");
        assert!(!format!("{headers:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_no_header_is_told_by_its_line() {
        for (content, told) in [
            ("hunter2", "line 1 is no header"),
            ("a: b\nx y: hunter2", "line 2 is no header"),
            ("a: hunter2\u{7f}", "line 1 is no header"),
            ("Host: hunter2", "line 1: `host` is set by this program"),
            ("a: 1\nA: hunter2", "line 2: `a` stands twice"),
        ] {
            assert_eq!(parse(content).unwrap_err(), told, "{content}");
        }
    }
}
