//! Bytes and names that need not be text, made fit to be shown.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

/// Any bytes as text that does nothing to a terminal: control characters, those that turn the
/// direction of text, and bytes that are not UTF-8 are written out.
pub fn visible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                c if acts(c) => text.extend(c.escape_unicode()),
                c => text.push(c),
            }
        }
        write_out(&mut text, chunk.invalid());
    }
    text
}

/// A path, an argument or another name of the system, with each byte that is not UTF-8 written out
/// as `\xff`; nothing else is changed.
pub fn of_name(name: impl AsRef<OsStr>) -> String {
    let mut text = String::new();
    for chunk in name.as_ref().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        write_out(&mut text, chunk.invalid());
    }
    text
}

fn write_out(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(text, "\\x{byte:02x}").expect("writing to a string does not fail");
    }
}

/// Whether a character does something instead of being seen: controls, and Unicode's line ends,
/// direction marks, embeddings, overrides and isolates.
fn acts(c: char) -> bool {
    let turns = matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_acts_on_a_terminal() {
        for (bytes, shown) in [
            (&b"plain"[..], "plain"),
            ("寝室 🏠 é".as_bytes(), "寝室 🏠 é"),
            (b"a\x1b[2Jb\x07", "a\\u{1b}[2Jb\\u{7}"),
            (b"a\r\n\tb\0", "a\\r\\n\\tb\\u{0}"),
            ("\u{9b}31m\u{202e}x\u{2066}".as_bytes(), "\\u{9b}31m\\u{202e}x\\u{2066}"),
            (b"\xff\xc3(", "\\xff\\xc3("),
        ] {
            assert_eq!(visible(bytes), shown);
        }
    }

    #[test]
    fn a_name_keeps_all_that_is_text() {
        for (bytes, shown) in [
            (&b"in/caf\xe9.jpg"[..], "in/caf\\xe9.jpg"),
            ("寝室\n.jpg".as_bytes(), "寝室\n.jpg"),
            (b"\xff\xfe", "\\xff\\xfe"),
            (b"half\xe3\x81", "half\\xe3\\x81"),
        ] {
            assert_eq!(of_name(OsStr::from_bytes(bytes)), shown);
        }
    }
}
