//! What comes from elsewhere, made fit to be shown: bytes and names that need not be text, control
//! characters, long texts; and the digests and short names that stand for what is longer.

use sha2::{Digest as _, Sha256};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

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

/// The beginning of a text that may act on a terminal, as `visible` shows it: at most so many of its
/// characters, and `…` where there are more.
pub fn beginning(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => visible(&text.as_bytes()[..end]) + "…",
        None => visible(text.as_bytes()),
    }
}

/// The beginning of prose from outside, for an error or a log: on one line, with a space in the place
/// of what acts on a terminal, at most so many characters, and `…` where there are more.
pub fn one_line(prose: &str, most: usize) -> String {
    let clean: String = prose.chars().map(|c| if acts(c) { ' ' } else { c }).collect();
    let mut words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(most) {
        words.truncate(end);
        words.push('…');
    }
    words
}

/// How many columns of a terminal a text takes: those of Japanese take two each.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// A text as `visible` shows it, in at most so many columns of a terminal, with `…` where there is
/// more.
pub fn fitting(text: &str, most: usize) -> String {
    let shown = visible(text.as_bytes());
    if columns(&shown) <= most {
        return shown;
    }
    let (mut fitting, mut width) = (String::new(), 0);
    for piece in shown.graphemes(true) {
        width += columns(piece);
        if width >= most {
            break;
        }
        fitting.push_str(piece);
    }
    fitting.trim_end().to_owned() + "…"
}

/// A text with as many spaces behind it as make it so many columns wide.
pub fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(columns(text));
    format!("{text}{}", " ".repeat(missing))
}

/// What a formula begins with, wide forms included, and what spreadsheets pass over before it ("CSV
/// Injection" of OWASP).
const OF_FORMULAS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A text as a cell of a table that a spreadsheet may read: with a `'` before what it would take for a
/// formula.
pub fn cell(text: &str) -> String {
    match text.starts_with(OF_FORMULAS) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

/// The SHA-256 digest of what it is given, in 64 hexadecimal digits.
pub fn digest(what: impl AsRef<[u8]>) -> String {
    hex(Sha256::digest(what))
}

/// A name of 16 hexadecimal digits for something whose own is too long, or too strange, for a file's.
pub fn short_name(what: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(what)[..8])
}

/// Bytes as hexadecimal digits, two each.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
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
    fn a_beginning_ends_with_what_it_leaves_out() {
        assert_eq!(beginning("", 2), "");
        assert_eq!(beginning("寝室", 2), "寝室");
        assert_eq!(beginning("寝室\u{1b}", 2), "寝室…");
        assert_eq!(beginning("\u{1b}[2J", 1), "\\u{1b}…");
    }

    #[test]
    fn prose_is_short_and_on_one_line() {
        assert_eq!(one_line("a\r\n\tb\u{1b}[31m \u{202e}c", 100), "a b [31m c");
        assert_eq!(one_line("寝室寝室", 2), "寝室…");
        assert_eq!(one_line("寝室", 2), "寝室");
    }

    #[test]
    fn a_text_is_as_wide_as_a_terminal_shows_it() {
        assert_eq!((columns("寝室"), columns("Room"), columns("")), (4, 4, 0));
        assert_eq!(fitting("寝室", 4), "寝室");
        assert_eq!(fitting("寝室", 3), "寝…");
        assert_eq!(fitting("the living room", 8), "the liv…");
        assert_eq!(fitting("👨\u{200d}👩\u{200d}👧 home", 4), "👨\u{200d}👩\u{200d}👧…");
        assert_eq!(fitting("\u{1b}[2J", 9), "\\u{1b}[2J");
        assert_eq!(padded("寝室", 6), "寝室  ");
        assert_eq!(padded("寝室", 2), "寝室");
    }

    #[test]
    fn a_digest_is_hexadecimal_and_a_short_name_its_beginning() {
        let whole = digest("");
        assert_eq!(&whole[..16], "e3b0c44298fc1c14");
        assert_eq!((whole.len(), short_name("")), (64, whole[..16].to_owned()));
        assert_eq!(hex([0, 255]), "00ff");
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
