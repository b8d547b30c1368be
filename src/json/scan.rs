//! Reads a JSON text token by token, and knows in which field each one stands.

use crate::text;

/// What one step found. Texts are as they were written, escapes and all, without their quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// An object or an array begins.
    Open,
    /// One ends.
    Close,
    /// The name of the field that follows.
    Key(&'a str),
    /// A string.
    Text(&'a str),
    /// A number.
    Number(&'a str),
}

/// Steps through a text. Of what is no JSON it makes what it can: whoever needs more parses it first.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// What is open around the place.
    open: Vec<Step<'a>>,
}

/// One level of a path.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    /// In an object; its current key, once that was read.
    Field(Option<&'a str>),
    /// In an array, at this element.
    Element(usize),
}

impl<'a> Scanner<'a> {
    /// Begins at the start of a text.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, open: Vec::new() }
    }

    /// How many objects and arrays are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// The next string that is no key, or number.
    pub fn next_leaf(&mut self) -> Option<Token<'a>> {
        self.find(|token| matches!(token, Token::Text(_) | Token::Number(_)))
    }

    /// The path of the field that the first so many bytes end in.
    pub fn path_at(mut self, read: usize) -> String {
        while self.at < read && self.step(read).is_some() {}
        self.path()
    }

    /// The path of the field that was read last: `a.b[2]`; empty at the top.
    pub fn path(&self) -> String {
        /// A longer path is shown by its ends.
        const HEAD: usize = 5;
        const TAIL: usize = 2;
        let mut path = String::new();
        for (at, step) in self.open.iter().enumerate() {
            match self.open.len() {
                deep if deep > HEAD + TAIL + 1 && (HEAD..deep - TAIL).contains(&at) => {
                    if at == HEAD {
                        path.push('…');
                    }
                }
                _ => step.show(&mut path),
            }
        }
        path
    }

    /// The next token that begins before `end`.
    fn step(&mut self, end: usize) -> Option<Token<'a>> {
        while let Some(byte) = self.text.as_bytes().get(self.at).filter(|_| self.at < end) {
            self.at += 1;
            match byte {
                b'{' => return Some(self.enter(Step::Field(None))),
                b'[' => return Some(self.enter(Step::Element(0))),
                b'}' | b']' => {
                    self.open.pop();
                    return Some(Token::Close);
                }
                b',' => self.comma(),
                b'"' => return Some(self.string()),
                b'-' | b'0'..=b'9' => return Some(self.number()),
                _ => {}
            }
        }
        None
    }

    fn enter(&mut self, step: Step<'a>) -> Token<'a> {
        self.open.push(step);
        Token::Open
    }

    fn comma(&mut self) {
        match self.open.last_mut() {
            Some(Step::Field(key)) => *key = None,
            Some(Step::Element(index)) => *index += 1,
            None => {}
        }
    }

    fn string(&mut self) -> Token<'a> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut end = start;
        loop {
            let rest = bytes.get(end..).unwrap_or_default();
            match memchr::memchr2(b'"', b'\\', rest) {
                Some(found) if rest[found] == b'\\' => end += found + 2,
                Some(found) => {
                    end += found;
                    break;
                }
                None => {
                    end = bytes.len();
                    break;
                }
            }
        }
        self.at = end + 1;
        let text = self.text.get(start..end).unwrap_or_default();
        match self.open.last_mut() {
            Some(Step::Field(key @ None)) => {
                *key = Some(text);
                Token::Key(text)
            }
            _ => Token::Text(text),
        }
    }

    fn number(&mut self) -> Token<'a> {
        let start = self.at - 1;
        let rest = &self.text.as_bytes()[self.at..];
        let of_it = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
        self.at += rest.iter().take_while(|byte| of_it(byte)).count();
        Token::Number(&self.text[start..self.at])
    }
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.step(usize::MAX)
    }
}

impl Step<'_> {
    fn show(self, path: &mut String) {
        match self {
            Self::Field(None) => {}
            Self::Field(Some(key)) => {
                if !path.is_empty() && !path.ends_with('…') {
                    path.push('.');
                }
                show_key(key, path);
            }
            Self::Element(index) => path.push_str(&format!("[{index}]")),
        }
    }
}

/// A key for a person: without its escapes, what a terminal would obey made visible, and short.
fn show_key(key: &str, path: &mut String) {
    const LONGEST: usize = 40;
    let meant = serde_json::from_str::<String>(&format!("\"{key}\"")).unwrap_or(key.to_owned());
    path.push_str(&text::beginning(&meant, LONGEST));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_is_seen_where_it_stands() {
        let text = r#"{"a":[1,{"b\"":"x,[\\"}, -2.5e+3],"c":{},"d":"1"}"#;
        let mut scanner = Scanner::new(text);
        let mut seen = Vec::new();
        while let Some(leaf) = scanner.next_leaf() {
            seen.push((leaf, scanner.path()));
        }
        let expected = [
            (Token::Number("1"), "a[0]"),
            (Token::Text("x,[\\\\"), "a[1].b\""),
            (Token::Number("-2.5e+3"), "a[2]"),
            (Token::Text("1"), "d"),
        ];
        assert_eq!(seen, expected.map(|(token, place)| (token, place.to_owned())));
        assert_eq!(scanner.depth(), 0);
    }

    #[test]
    fn a_place_can_be_asked_for_in_the_middle() {
        let text = r#"{"a":1,"b":{"c":[7,8"#;
        for (read, place) in [(0, ""), (3, "a"), (6, "a"), (7, ""), (12, "b"), (17, "b.c[0]")] {
            assert_eq!(Scanner::new(text).path_at(read), place, "{read}");
        }
        assert_eq!(Scanner::new(text).path_at(1000), "b.c[1]");
    }
}
