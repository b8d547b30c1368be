//! Lines of bytes, each with its number, none of them in memory beyond a bound.

use memchr::memchr;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read};

/// As much as is read at once: what a pipe holds on Linux.
const BUFFER: usize = 64 * 1024;
/// Some programs write it at the start of a file of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Takes an input apart into lines.
pub(super) struct Lines<R> {
    input: BufReader<R>,
    limit: usize,
    number: u64,
    line: Vec<u8>,
}

/// One line.
pub(super) struct Line<'a> {
    /// From 1; blank lines count.
    pub(super) number: u64,
    /// Without its line end; or why it was not kept.
    pub(super) content: Result<&'a [u8], String>,
}

impl<R: Read> Lines<R> {
    /// Lines of at most `limit` bytes; longer ones are passed over.
    pub(super) fn new(input: R, limit: usize) -> Self {
        let input = BufReader::with_capacity(BUFFER, input);
        Self { input, limit, number: 0, line: Vec::new() }
    }

    /// Whether the next line is here already, so that `next` will not read.
    pub(super) fn is_ready(&self) -> bool {
        memchr(b'\n', self.input.buffer()).is_some()
    }

    /// The next line; `None` at the end. The last one needs no line end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        self.line.shrink_to(BUFFER);
        let length = self.read_line()?;
        if length == 0 {
            return Ok(None);
        }
        self.number += 1;
        let kept = self.line.len() as u64 == length;
        let content = trim(&self.line, self.number == 1);
        let content = if kept && content.len() <= self.limit {
            Ok(content)
        } else {
            Err(format!("it is longer than {} bytes (`max-line`)", self.limit))
        };
        Ok(Some(Line { number: self.number, content }))
    }

    /// Reads up to and with the next line feed and gives the length; keeps the bytes as long as
    /// the line can still be short enough.
    fn read_line(&mut self) -> io::Result<u64> {
        let keep = self.limit.saturating_add(BYTE_ORDER_MARK.len() + b"\r\n".len()) as u64;
        let mut length = 0;
        loop {
            let available = match self.input.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other?,
            };
            let line_feed = memchr(b'\n', available);
            let used = line_feed.map_or(available.len(), |at| at + 1);
            length += used as u64;
            if length <= keep {
                self.line.extend_from_slice(&available[..used]);
            } else {
                self.line = Vec::new();
            }
            self.input.consume(used);
            if line_feed.is_some() || used == 0 {
                return Ok(length);
            }
        }
    }
}

fn trim(line: &[u8], first: bool) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if first { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line }
}
