//! Lines of bytes, each with its number, none of them in memory beyond a bound.

use super::input::{Amount, Input};
use memchr::memchr;
use std::io;

/// How many bytes are read at once: what a pipe holds on Linux.
const BUFFER: usize = 64 * 1024;
/// How many bytes of a line that is too long are kept at least, to be shown.
const SHOWN: usize = 1 << 20;
/// What some programs write at the start of a file of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Takes an input apart into lines.
pub(super) struct Splitter {
    input: Box<dyn Input>,
    buffer: Box<[u8]>,
    /// What of the buffer was read and not taken apart yet.
    from: usize,
    to: usize,
    limit: usize,
    number: u64,
    /// The line, as far as it is kept.
    line: Vec<u8>,
}

/// A line of the input.
pub(super) struct Line<'a> {
    /// The number of the line, from 1; blank lines count.
    pub(super) number: u64,
    /// What the line says, without its end; or why it cannot be taken.
    pub(super) content: Result<&'a [u8], String>,
    /// All of the line but the line feed; where it is far too long, its beginning.
    pub(super) raw: &'a [u8],
    /// How many bytes it has, its line feed included.
    pub(super) length: u64,
    /// The reading was called off before the rest of it came.
    pub(super) cut: bool,
}

/// How the bytes of a line ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The line ends with a line feed, or with the input.
    Whole,
    /// The reading was called off before the rest of it came.
    Cut,
}

impl Splitter {
    /// Lines of at most `limit` bytes; longer ones are passed over.
    pub(super) fn new(input: Box<dyn Input>, limit: usize) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Self { input, buffer, from: 0, to: 0, limit, number: 0, line: Vec::new() }
    }

    /// Whether the next line is here already, so that `next` will not read.
    pub(super) fn is_ready(&self) -> bool {
        memchr(b'\n', &self.buffer[self.from..self.to]).is_some()
    }

    /// The next line; `None` at the end, or where the reading was called off. The last one needs no
    /// line end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        self.line.shrink_to(BUFFER);
        let (length, end) = self.read_line()?;
        if length == 0 {
            return Ok(None);
        }
        self.number += 1;
        let raw = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let content = trim(raw, self.number == 1);
        let cut = end == End::Cut;
        let content = if self.line.len() as u64 != length || content.len() > self.limit {
            Err(format!("it is longer than {} bytes (`max-line`)", self.limit))
        } else if cut {
            Err("the reading was ended before the rest of it came".to_owned())
        } else {
            Ok(content)
        };
        Ok(Some(Line { number: self.number, content, raw, length, cut }))
    }

    /// Reads up to and with the next line feed and gives the length. What was begun is finished
    /// though the reading was called off: nobody else could make sense of its other half.
    fn read_line(&mut self) -> io::Result<(u64, End)> {
        let mut length = 0;
        let mut amount = Amount::Lines;
        loop {
            if self.from == self.to {
                match self.input.take(&mut self.buffer, amount)? {
                    Some(0) => return Ok((length, End::Whole)),
                    Some(taken) => (self.from, self.to) = (0, taken),
                    None if length == 0 => return Ok((0, End::Whole)),
                    None if amount == Amount::RestOfLine => return Ok((length, End::Cut)),
                    None => {
                        amount = Amount::RestOfLine;
                        continue;
                    }
                }
            }
            let available = &self.buffer[self.from..self.to];
            let line_feed = memchr(b'\n', available);
            let used = line_feed.map_or(available.len(), |at| at + 1);
            length += used as u64;
            let room = self.kept_at_most().saturating_sub(self.line.len());
            self.line.extend_from_slice(&available[..used.min(room)]);
            self.from += used;
            if line_feed.is_some() {
                return Ok((length, End::Whole));
            }
        }
    }

    /// The longest line that can still be short enough, or more, so that it can be shown.
    fn kept_at_most(&self) -> usize {
        let longest = self.limit.saturating_add(BYTE_ORDER_MARK.len() + b"\r\n".len());
        longest.max(SHOWN)
    }
}

fn trim(line: &[u8], first: bool) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if first { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line }
}
