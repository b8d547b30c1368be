//! JSON read in one pass, as far as it is written as nearly all of it is.

use super::fields::Scalar;
use std::borrow::Cow;
use std::ops::Range;

/// How deep lists and objects that are passed over may lie in one another here.
pub(super) const DEPTH: usize = 8;
/// How many digits are exact in a double, with or without a point among them.
const DIGITS: usize = 15;

/// A place in a document. Each of its readers gives `None` for what it does not know.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// Where the name of the last member stands, with its quotes.
    name: Range<usize>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, name: 0..0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Where the name of the last member stands, with its quotes.
    pub(super) fn name(&self) -> Range<usize> {
        self.name.clone()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.next() {
            self.at += 1;
        }
    }

    /// Passes over space and this byte.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.space();
        self.byte(byte).then_some(())
    }

    /// Reads what comes between commas up to the end of an object or a list.
    fn each(&mut self, end: u8, mut one: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if self.take(end).is_some() {
            return Some(());
        }
        loop {
            one(self)?;
            self.space();
            let byte = self.next()?;
            self.at += 1;
            match byte {
                b',' => self.space(),
                _ => return (byte == end).then_some(()),
            }
        }
    }

    /// Reads an object, each member from its value on.
    pub(super) fn members(
        &mut self,
        mut member: impl FnMut(&mut Self, &'a str) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        self.each(b'}', |cursor| {
            let start = cursor.at;
            let name = cursor.string()?;
            cursor.name = start..cursor.at;
            cursor.take(b':')?;
            cursor.space();
            member(cursor, name)
        })
    }

    /// A text without escapes.
    pub(super) fn string(&mut self) -> Option<&'a str> {
        if self.next()? != b'"' {
            return None;
        }
        let (start, bytes) = (self.at + 1, self.text.as_bytes());
        let mut end = start;
        // Most texts are too short for a search that has to be called.
        let ends = loop {
            match ends(eight(&bytes[end..])) {
                0 => end += 8,
                ends => break ends,
            }
        };
        end += ends.trailing_zeros() as usize / 8;
        self.at = end + 1;
        (*bytes.get(end)? == b'"').then(|| &self.text[start..end])
    }

    /// Passes over these characters.
    pub(super) fn word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    /// Reads into a place: what was handed from one to the next would be copied each time.
    pub(super) fn scalar(&mut self, into: &mut Scalar<'a>) -> Option<()> {
        *into = match self.next()? {
            b'"' => Scalar::Text(Cow::Borrowed(self.string()?)),
            b'n' => self.word("null").map(|()| Scalar::Null)?,
            b't' => self.word("true").map(|()| Scalar::Flag(true))?,
            b'f' => self.word("false").map(|()| Scalar::Flag(false))?,
            _ => Scalar::Number(self.number()?),
        };
        Some(())
    }

    /// A number without an exponent, of so few digits that a double has it as near as can be.
    fn number(&mut self) -> Option<f64> {
        let is_negative = self.byte(b'-');
        let start = self.at;
        let whole = self.digits(0)?;
        let whole_digits = self.at - start;
        if whole_digits > 1 && self.text.as_bytes()[start] == b'0' {
            return None;
        }
        let (mut number, mut part_digits) = (whole, 0);
        if self.byte(b'.') {
            let start = self.at;
            number = self.digits(whole)?;
            part_digits = self.at - start;
        }
        let is_whole = !matches!(self.next(), Some(b'e' | b'E' | b'.'));
        if !is_whole || whole_digits + part_digits > DIGITS {
            return None;
        }
        let value = number as f64 / POWERS[part_digits];
        Some(if is_negative { -value } else { value })
    }

    /// Digits behind others; at least one. Only up to [`DIGITS`] of them are a number.
    fn digits(&mut self, before: u64) -> Option<u64> {
        let (start, mut number) = (self.at, before);
        while let Some(digit @ b'0'..=b'9') = self.next() {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        (self.at > start).then_some(number)
    }

    /// Passes over this byte, where it is the next one.
    fn byte(&mut self, byte: u8) -> bool {
        let is_next = self.next() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes over a value of any type.
    pub(super) fn pass(&mut self, depth: usize) -> Option<()> {
        let deeper = || depth.checked_sub(1);
        match self.next()? {
            b'{' => {
                let deeper = deeper()?;
                self.members(|cursor, _| cursor.pass(deeper))
            }
            b'[' => {
                let deeper = deeper()?;
                self.at += 1;
                self.each(b']', |cursor| cursor.pass(deeper))
            }
            b'"' => self.string().map(drop),
            b'n' => self.word("null"),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            _ => self.number().map(drop),
        }
    }
}

/// The first eight bytes of a document's rest; where it has fewer, what ends a text follows them.
fn eight(rest: &[u8]) -> u64 {
    let eight = rest.first_chunk().copied().unwrap_or_else(|| {
        let mut eight = [b'"'; 8];
        eight[..rest.len()].copy_from_slice(rest);
        eight
    });
    u64::from_le_bytes(eight)
}

/// Which of eight bytes end a text, or may not stand in one as they are: the lowest bit that is set is the
/// highest one of the first of them. Higher bits tell nothing.
fn ends(eight: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    // The highest bit of each byte that is below this.
    let below = |bytes: u64, limit: u8| bytes.wrapping_sub(ONES * u64::from(limit)) & !bytes;
    let is = |byte: u8| below(eight ^ (ONES * u64::from(byte)), 1);
    (below(eight, b' ') | is(b'"') | is(b'\\')) & (ONES << 7)
}

/// Ten to the power of how many digits there may be behind a point.
const POWERS: [f64; DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
