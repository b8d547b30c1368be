//! Which parts of a statement mean something to us: names of parameters, and all else as it stands.

use super::Dialect;

/// A piece of a statement; all of them, one behind the other, are the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t> {
    /// What stays as it is.
    Text(&'t str),
    /// What stays as it is, and means nothing: white space and comments.
    Blank(&'t str),
    /// A parameter's name, without its colon.
    Name(&'t str),
    /// A placeholder as the server itself writes it.
    Placeholder(&'t str),
    /// A string, a name or a comment, as this says, that has no end.
    Unended(&'static str),
    /// A semicolon.
    End,
}

/// Goes through a statement piece by piece.
#[derive(Debug)]
pub struct Scan<'t> {
    rest: &'t str,
    dialect: Dialect,
}

impl<'t> Scan<'t> {
    /// Begins at the front of the text.
    pub fn new(text: &'t str, dialect: Dialect) -> Self {
        Self { rest: text, dialect }
    }

    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Takes a piece whose length is known; one without an end takes all.
    fn quoted(&mut self, length: Option<usize>, what: &'static str) -> Piece<'t> {
        match length {
            Some(length) => Piece::Text(self.take(length)),
            None => self.unended(what),
        }
    }

    fn comment(&mut self, length: Option<usize>) -> Piece<'t> {
        match length {
            Some(length) => Piece::Blank(self.take(length)),
            None => self.unended("comment"),
        }
    }

    fn unended(&mut self, what: &'static str) -> Piece<'t> {
        self.rest = "";
        Piece::Unended(what)
    }

    /// A quote of the dialect at the front, where there is one.
    fn quote(&mut self, first: char) -> Option<Piece<'t>> {
        use Dialect::{MySql, Postgres, Sqlite};
        let rest = self.rest;
        let piece = match (first, self.dialect) {
            ('\'', MySql) => self.quoted(escaped(rest, 0), "string"),
            ('\'', _) => self.quoted(closed(rest, '\''), "string"),
            ('"', MySql) => self.quoted(escaped(rest, 0), "string"),
            ('"', _) => self.quoted(closed(rest, '"'), "quoted name"),
            ('`', MySql | Sqlite) => self.quoted(closed(rest, '`'), "quoted name"),
            ('[', Sqlite) => self.quoted(closed(rest, ']'), "quoted name"),
            ('$', Postgres) => {
                let tag = dollar_tag(rest)?;
                let end = rest[tag.len()..].find(tag);
                self.quoted(end.map(|at| at + 2 * tag.len()), "string")
            }
            _ => return None,
        };
        Some(piece)
    }

    /// A comment of the dialect at the front, where there is one.
    fn blank(&mut self, first: char) -> Option<Piece<'t>> {
        let (rest, mysql) = (self.rest, self.dialect == Dialect::MySql);
        let line = Some(rest.find('\n').map_or(rest.len(), |at| at + 1));
        match first {
            _ if first.is_whitespace() => Some(self.white_space()),
            '#' if mysql => Some(self.comment(line)),
            '-' if rest.starts_with("--") && (!mysql || is_cut(&rest[2..])) => {
                Some(self.comment(line))
            }
            '/' if rest.starts_with("/*") && !(mysql && is_run(rest)) => {
                let nested = self.dialect == Dialect::Postgres;
                Some(self.comment(comment_length(rest, nested)))
            }
            _ => None,
        }
    }

    fn white_space(&mut self) -> Piece<'t> {
        let end = self.rest.find(|c: char| !c.is_whitespace()).unwrap_or(self.rest.len());
        Piece::Blank(self.take(end))
    }

    fn colon(&mut self) -> Piece<'t> {
        let behind = &self.rest[1..];
        let word = word_length(behind);
        match behind.chars().next() {
            Some(':' | '=') => Piece::Text(self.take(2)),
            Some(c) if c.is_ascii_digit() && self.dialect == Dialect::Sqlite => {
                Piece::Placeholder(self.take(1 + word))
            }
            Some(c) if is_word(c) && !c.is_ascii_digit() => Piece::Name(&self.take(1 + word)[1..]),
            _ => Piece::Text(self.take(1)),
        }
    }

    /// A placeholder of the server's own at the front, where there is one.
    fn placeholder(&mut self, first: char) -> Option<Piece<'t>> {
        let word = word_length(&self.rest[first.len_utf8()..]);
        let digits = self.rest[first.len_utf8()..].starts_with(|c: char| c.is_ascii_digit());
        let own = match (self.dialect, first) {
            (Dialect::Postgres, '$') => digits,
            (Dialect::MySql | Dialect::Sqlite, '?') => true,
            (Dialect::Sqlite, '$' | '@' | '#') => word > 0,
            _ => false,
        };
        own.then(|| Piece::Placeholder(self.take(first.len_utf8() + word)))
    }

    /// A word, with the string behind it where it says that backslashes mean something there.
    fn word(&mut self) -> Piece<'t> {
        let dollars = self.dialect != Dialect::Sqlite;
        let end = self.rest.find(|c: char| !(is_word(c) || dollars && c == '$'));
        let end = end.unwrap_or(self.rest.len());
        let escapes = self.dialect == Dialect::Postgres
            && self.rest[..end].eq_ignore_ascii_case("e")
            && self.rest[end..].starts_with('\'');
        match escapes {
            true => self.quoted(escaped(self.rest, end), "string"),
            false => Piece::Text(self.take(end)),
        }
    }
}

impl<'t> Iterator for Scan<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        let first = self.rest.chars().next()?;
        if let Some(piece) = self.blank(first).or_else(|| self.quote(first)) {
            return Some(piece);
        }
        if let Some(piece) = self.placeholder(first) {
            return Some(piece);
        }
        Some(match first {
            ';' => {
                self.take(1);
                Piece::End
            }
            ':' => self.colon(),
            // Of a comment that is run, the opening is no division.
            '/' if self.rest.starts_with("/*") => Piece::Text(self.take(2)),
            _ if is_word(first) => self.word(),
            _ => Piece::Text(self.take(first.len_utf8())),
        })
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !is_word(c)).unwrap_or(text.len())
}

/// The length of a quoted text up to its closing quote. A doubled one begins the next text at once.
fn closed(text: &str, quote: char) -> Option<usize> {
    text[1..].find(quote).map(|at| at + 2)
}

/// The length of a text whose quote stands at `open`, and in which a backslash takes the next
/// character along.
fn escaped(text: &str, open: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            byte if *byte == bytes[open] => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// The opening of a dollar quote at the front: `$$`, `$tag$`.
fn dollar_tag(text: &str) -> Option<&str> {
    let tag = word_length(&text[1..]);
    let named = !text[1..].starts_with(|c: char| c.is_ascii_digit());
    (named && text[1 + tag..].starts_with('$')).then(|| &text[..tag + 2])
}

/// Whether two dashes begin a comment where white space must follow them.
fn is_cut(behind: &str) -> bool {
    behind.chars().next().is_none_or(|c| c.is_whitespace() || c.is_control())
}

/// Whether MySQL or MariaDB runs what this comment holds, or takes it as a hint.
fn is_run(text: &str) -> bool {
    ["/*!", "/*M!", "/*+"].iter().any(|opening| text.starts_with(opening))
}

/// The length of a comment; with `nested`, the comments in it have ends of their own.
fn comment_length(text: &str, nested: bool) -> Option<usize> {
    let (mut depth, mut at) = (1, 2);
    while depth > 0 {
        (depth, at) = match text.as_bytes().get(at..at + 2)? {
            b"*/" => (depth - 1, at + 2),
            b"/*" if nested => (depth + 1, at + 2),
            _ => (depth, at + 1),
        };
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a piece was in the text.
    fn written(piece: Piece<'_>) -> String {
        match piece {
            Piece::Text(text) | Piece::Blank(text) | Piece::Placeholder(text) => text.to_owned(),
            Piece::Name(name) => format!(":{name}"),
            Piece::End => ";".to_owned(),
            Piece::Unended(_) => String::new(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]
        #[test]
        fn the_pieces_are_the_text(text in "[-'\"`\\[\\]$:;?@#/*!+eEa1_ \n\\\\山é=]{0,30}") {
            for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite] {
                let pieces: Vec<_> = Scan::new(&text, dialect).collect();
                let joined: String = pieces.iter().copied().map(written).collect();
                let is_whole = !pieces.iter().any(|piece| matches!(piece, Piece::Unended(_)));
                prop_assert!(text.starts_with(&joined) && (!is_whole || joined == text));
            }
        }
    }

    #[test]
    fn comments_in_comments_have_ends_where_they_are_nested() {
        assert_eq!(comment_length("/* /* */ */ x", true), Some(11));
        assert_eq!(comment_length("/* /* */ */ x", false), Some(8));
        assert_eq!(comment_length("/*/", false), None);
        assert_eq!(comment_length("/**/", true), Some(4));
        assert_eq!(comment_length("/* /*/ */", true), None);
    }
}
