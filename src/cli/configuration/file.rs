//! The syntax of the file: that of systemd's `EnvironmentFile=`, so that services and programs read one
//! file alike.
//!
//! `NAME=value` on a line. Lines that begin with `#` or `;` are comments. In single quotes everything is
//! meant as it stands; in double quotes a backslash takes away what `"`, `\`, `` ` `` and `$` mean, and
//! joins a line to the next one; outside quotes it takes away what any character means. Quoted pieces may
//! follow one another, and what follows them unquoted goes up to the end of the line, without the blanks
//! there. Nothing is expanded. Where systemd passes over a line that it does not understand, we refuse it.

use std::ops::ControlFlow;

/// What a line of the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    /// The line on which it begins, from 1.
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) value: String,
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadLine {
    /// From 1.
    pub(super) line: usize,
    /// What is wrong with it. Nothing of the line is shown: it may hold a secret.
    pub(super) why: &'static str,
}

/// Parses a whole file.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Assignment>, BadLine> {
    let mut reader = Reader { bytes, at: 0 };
    let mut all = Vec::new();
    loop {
        while reader.next_if(is_space).is_some() {}
        match reader.peek() {
            None => return Ok(all),
            Some(b'#' | b';') => reader.pass_comment(),
            Some(_) => {
                let line = reader.line();
                all.push(reader.assignment().map_err(|why| BadLine { line, why })?);
            }
        }
    }
}

fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_space(byte: u8) -> bool {
    is_blank(byte) || is_newline(byte)
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn next_if(&mut self, wanted: impl Fn(u8) -> bool) -> Option<u8> {
        self.peek().filter(|byte| wanted(*byte)).inspect(|_| self.at += 1)
    }

    /// The number of the line that is read now.
    fn line(&self) -> usize {
        1 + self.bytes[..self.at].iter().filter(|byte| **byte == b'\n').count()
    }

    fn pass_comment(&mut self) {
        while self.next_if(|byte| !is_newline(byte)).is_some() {}
    }

    fn assignment(&mut self) -> Result<Assignment, &'static str> {
        let line = self.line();
        let name = self.name()?;
        let mut value = Vec::new();
        while self.piece(&mut value)?.is_continue() {}
        Ok(Assignment { line, name, value: valid_value(value)? })
    }

    /// What stands before `=`, which is passed.
    fn name(&mut self) -> Result<String, &'static str> {
        let from = self.at;
        while self.next_if(|byte| byte != b'=' && !is_newline(byte)).is_some() {}
        let name = self.bytes[from..self.at].trim_ascii_end();
        self.next_if(|byte| byte == b'=').ok_or("it has no `=`")?;
        valid_name(name)
    }

    /// Adds a quoted piece of a value, or all the rest; breaks at the value's end.
    fn piece(&mut self, value: &mut Vec<u8>) -> Result<ControlFlow<()>, &'static str> {
        while self.next_if(is_blank).is_some() {}
        match self.peek() {
            Some(b'\'') => self.single(value)?,
            Some(b'"') => self.double(value)?,
            Some(byte) if !is_newline(byte) => {
                self.unquoted(value);
                return Ok(ControlFlow::Break(()));
            }
            _ => return Ok(ControlFlow::Break(())),
        }
        Ok(ControlFlow::Continue(()))
    }

    fn single(&mut self, value: &mut Vec<u8>) -> Result<(), &'static str> {
        self.at += 1;
        loop {
            match self.next() {
                Some(b'\'') => return Ok(()),
                Some(byte) => value.push(byte),
                None => return Err("its single quote is not closed"),
            }
        }
    }

    fn double(&mut self, value: &mut Vec<u8>) -> Result<(), &'static str> {
        const OPEN: &str = "its double quote is not closed";
        self.at += 1;
        loop {
            match self.next().ok_or(OPEN)? {
                b'"' => return Ok(()),
                b'\\' => match self.next().ok_or(OPEN)? {
                    b'\n' => {}
                    byte @ (b'"' | b'\\' | b'`' | b'$') => value.push(byte),
                    byte => value.extend([b'\\', byte]),
                },
                byte => value.push(byte),
            }
        }
    }

    /// The rest of a value, in which quotes mean nothing any more.
    fn unquoted(&mut self, value: &mut Vec<u8>) {
        let mut end = value.len();
        while let Some(byte) = self.next_if(|byte| !is_newline(byte)) {
            match byte {
                b'\\' => {
                    // The end of a line is passed over, be it `\r` alone: then `\n` ends the value.
                    value.extend(self.next().filter(|byte| !is_newline(*byte)));
                    end = value.len();
                }
                byte => {
                    value.push(byte);
                    if !is_blank(byte) {
                        end = value.len();
                    }
                }
            }
        }
        value.truncate(end);
    }
}

fn valid_name(name: &[u8]) -> Result<String, &'static str> {
    if name.starts_with(b"export ") {
        return Err("`export` is for a shell: write `NAME=value`");
    }
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let is_name = name.iter().all(inner) && name.first().is_some_and(|it| !it.is_ascii_digit());
    match std::str::from_utf8(name) {
        Ok(name) if is_name => Ok(name.to_owned()),
        _ => Err("before its `=` stands no name: letters, digits and `_`, first no digit"),
    }
}

fn valid_value(value: Vec<u8>) -> Result<String, &'static str> {
    let acts = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n');
    if value.iter().any(acts) {
        return Err("its value holds a control character");
    }
    String::from_utf8(value).map_err(|_| "its value is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The only value of a file.
    fn value(text: &str) -> String {
        let all = parse(format!("A={text}\nB=b\n").as_bytes()).expect(text);
        let last = all.last().map(|it| (it.name.as_str(), it.value.as_str()));
        assert_eq!(last, Some(("B", "b")), "{text:?} took more than its line");
        assert_eq!(all.len(), 2, "{text:?}");
        all[0].value.clone()
    }

    #[test]
    fn values_mean_what_they_mean_to_systemd() {
        for (text, meant) in [
            ("", ""),
            ("a", "a"),
            ("  a b  ", "a b"),
            ("a#b ;c", "a#b ;c"),
            ("'a  '", "a  "),
            ("'a' 'b'\"c\" d ", "abcd"),
            ("a'b'", "a'b'"),
            ("'$HOME `x` \\'", "$HOME `x` \\"),
            (r#""\$ \` \" \\ \a""#, r#"$ ` " \ \a"#),
            (r"\a\\\'b\ ", r"a\'b "),
            ("a\\\nb", "ab"),
            ("\"a\\\nb\"", "ab"),
            ("'a\nb'", "a\nb"),
            ("'a\\\nb'", "a\\\nb"),
            ("a \\\n  ", "a "),
            ("a=b", "a=b"),
            ("筧 ", "筧"),
            ("a\r", "a"),
            ("a\\\r", "a"),
        ] {
            assert_eq!(value(text), meant, "{text:?}");
        }
    }

    #[test]
    fn comments_and_empty_lines_are_passed_over_and_lines_counted() {
        let text = "# a=b\n\n  ; c\n # d \\\n  A = a \r\nB='b\nb'\n\tC=c";
        let all = parse(text.as_bytes()).expect("a file");
        let all: Vec<_> = all.iter().map(|it| (it.line, &*it.name, &*it.value)).collect();
        assert_eq!(all, [(5, "A", "a"), (6, "B", "b\nb"), (8, "C", "c")]);
    }

    #[test]
    fn a_bad_line_is_named_and_not_shown() {
        for (text, line, why) in [
            ("A=a\nsecret\n", 2, "no `=`"),
            ("secret", 1, "no `=`"),
            ("\nexport A=a", 2, "`export`"),
            ("1A=a", 1, "no name"),
            ("=a", 1, "no name"),
            ("A B=a", 1, "no name"),
            ("\u{feff}A=a", 1, "no name"),
            ("A=a\nB='b\n\nC=c\n", 2, "single quote"),
            ("A=\"b\\", 1, "double quote"),
            ("A=\u{1b}[1m", 1, "control"),
            ("A='a\r\nb'", 1, "control"),
            ("A=\0", 1, "control"),
        ] {
            let bad = parse(text.as_bytes()).expect_err(text);
            assert_eq!(bad.line, line, "{text:?}");
            assert!(bad.why.contains(why) && !bad.why.contains("secret"), "{text:?}: {bad:?}");
        }
        assert_eq!(parse(b"A=\xff").expect_err("Latin-1").why, "its value is not UTF-8");
    }

    /// A value between quotes of the kind, as a person would write it.
    fn quoted(value: &str, how: u8) -> String {
        match how {
            0 => format!("'{}'", value.replace('\'', "'\"'\"'")),
            1 => {
                let escaped = |c: char| match c {
                    '"' | '\\' | '`' | '$' => format!("\\{c}"),
                    c => c.to_string(),
                };
                format!("\"{}\"", value.chars().map(escaped).collect::<String>())
            }
            _ => value.replace('\n', "").chars().map(|c| format!("\\{c}")).collect(),
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(value in "[^\\p{Cc}]{0,20}(\n[^\\p{Cc}]{0,20})?", how in 0_u8..3) {
            let meant = if how == 2 { value.replace('\n', "") } else { value.clone() };
            let text = format!("# first\nNAME={}\nB=b\n", quoted(&value, how));
            let all = parse(text.as_bytes()).expect("a file");
            prop_assert_eq!(all.len(), 2);
            prop_assert_eq!((all[0].line, &all[0].value), (2, &meant));
            prop_assert_eq!(&all[1].value, "b");
        }

        #[test]
        fn any_bytes_are_parsed_or_refused_by_a_line_of_theirs(
            text in "([A-C=#;'\"\\\\ \t\r\n$x]|[^a]){0,40}", more in proptest::collection::vec(any::<u8>(), 0..8),
        ) {
            let bytes = [text.as_bytes(), &more].concat();
            let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
            match parse(&bytes) {
                Ok(all) => prop_assert!(all.iter().all(|it| (1..=lines).contains(&it.line))),
                Err(bad) => prop_assert!((1..=lines).contains(&bad.line)),
            }
        }
    }
}
