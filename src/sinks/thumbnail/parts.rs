//! A picture as its decoder is to see it: without what follows its end, and with what it lacks.

use std::io::{BufRead, Read, Result, Seek, SeekFrom};

/// Some pieces of bytes, read as one file.
#[derive(Debug, Clone)]
pub(super) struct Parts<'p> {
    parts: [&'p [u8]; 3],
    at: u64,
}

impl<'p> Parts<'p> {
    /// Joins these pieces, one behind the other; some may be empty.
    pub(super) fn new(parts: [&'p [u8]; 3]) -> Self {
        Self { parts, at: 0 }
    }

    /// What has not been read of the part that is being read.
    fn rest(&self) -> &'p [u8] {
        let mut at = usize::try_from(self.at).unwrap_or(usize::MAX);
        for part in self.parts {
            match part.get(at..) {
                Some(rest) if !rest.is_empty() => return rest,
                _ => at -= part.len().min(at),
            }
        }
        &[]
    }

    fn length(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }
}

impl Read for Parts<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.rest().read(buffer)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl BufRead for Parts<'_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        Ok(self.rest())
    }

    fn consume(&mut self, count: usize) {
        self.at += count as u64;
    }
}

impl Seek for Parts<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(by) => (self.length(), by),
            SeekFrom::Current(by) => (self.at, by),
        };
        let before = std::io::Error::from(std::io::ErrorKind::InvalidInput);
        self.at = from.checked_add_signed(by).ok_or(before)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_one() {
        let mut parts = Parts::new([b"ab", b"", b"cde"]);
        let mut all = String::new();
        parts.read_to_string(&mut all).unwrap();
        assert_eq!(all, "abcde");
        for (to, at, rest) in [
            (SeekFrom::Start(1), 1, "bcde"),
            (SeekFrom::End(-2), 3, "de"),
            (SeekFrom::Start(2), 2, "cde"),
            (SeekFrom::End(9), 14, ""),
        ] {
            assert_eq!(parts.seek(to).unwrap(), at);
            let mut all = String::new();
            parts.clone().read_to_string(&mut all).unwrap();
            assert_eq!(all, rest, "{to:?}");
        }
        parts.rewind().unwrap();
        parts.consume(1);
        assert_eq!(parts.fill_buf().unwrap(), b"b");
        assert!(parts.seek(SeekFrom::Current(-2)).is_err());
    }
}
