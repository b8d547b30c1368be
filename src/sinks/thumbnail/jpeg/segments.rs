//! The segments of a JPEG file, up to the marker of its end. Nothing is decoded.

/// What stands between two markers.
pub(super) struct Segment<'b> {
    /// The marker's code.
    pub(super) kind: u8,
    /// What its length counts.
    pub(super) content: &'b [u8],
    /// The pixels behind the header of a scan, with all that is stuffed in.
    pub(super) pixels: &'b [u8],
}

/// Reads segments as libjpeg does: what stands between them is skipped.
pub(super) struct Segments<'b> {
    bytes: &'b [u8],
    at: usize,
    end: Option<usize>,
}

impl<'b> Segments<'b> {
    /// The segments of a whole file.
    pub(super) fn of(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 2, end: None }
    }

    /// Where the marker of the end begins, once all segments have been read.
    pub(super) fn end(&self) -> Option<usize> {
        self.end
    }

    /// Where the code of the next marker stands. What is stuffed into pixels is none.
    fn marker(&self, mut at: usize) -> Option<usize> {
        loop {
            at += memchr::memchr(0xff, self.bytes.get(at..)?)?;
            at += self.bytes[at..].iter().position(|byte| *byte != 0xff)?;
            if self.bytes[at] != 0 {
                return Some(at);
            }
        }
    }

    /// Where the pixels end that begin here.
    fn end_of_pixels(&self, mut at: usize) -> usize {
        while let Some(marker) = self.marker(at) {
            if !matches!(self.bytes[marker], 0xd0..=0xd7) {
                return marker - 1;
            }
            at = marker + 1;
        }
        self.bytes.len()
    }
}

impl<'b> Iterator for Segments<'b> {
    type Item = Segment<'b>;

    fn next(&mut self) -> Option<Segment<'b>> {
        let marker = self.marker(self.at)?;
        let kind = self.bytes[marker];
        self.at = marker + 1;
        match kind {
            0xd9 => {
                self.end = Some(marker - 1);
                return None;
            }
            0x01 | 0xd0..=0xd8 => return Some(Segment { kind, content: &[], pixels: &[] }),
            _ => {}
        }
        let &[high, low] = self.bytes.get(self.at..)?.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let content = self.bytes.get(self.at + 2..self.at + length)?;
        self.at += length;
        let begin = self.at;
        if kind == 0xda {
            self.at = self.end_of_pixels(begin);
        }
        Some(Segment { kind, content, pixels: &self.bytes[begin..self.at] })
    }
}

/// What the header of a frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// The code of its marker: how the pixels are coded.
    pub(super) kind: u8,
    /// Bits of a sample.
    pub(super) precision: u8,
    pub(super) width: usize,
    pub(super) height: usize,
    /// For each component: the id, and how many samples it has beside and below one another.
    pub(super) components: Vec<[usize; 3]>,
}

impl Frame {
    /// Reads it where the segment is one.
    pub(super) fn of(segment: &Segment<'_>) -> Option<Self> {
        let is_frame =
            matches!(segment.kind, 0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&segment.kind));
        let &[precision, h1, h2, w1, w2, _, ref components @ ..] = segment.content else {
            return None;
        };
        let split =
            |&[id, sampling, _]: &[u8; 3]| [id, sampling >> 4, sampling & 15].map(usize::from);
        is_frame.then(|| Self {
            kind: segment.kind,
            precision,
            width: usize::from(u16::from_be_bytes([w1, w2])),
            height: usize::from(u16::from_be_bytes([h1, h2])),
            components: components.as_chunks().0.iter().map(split).collect(),
        })
    }

    pub(super) fn is_progressive(&self) -> bool {
        self.kind == 0xc2
    }
}

/// What the header of a scan says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    /// For each component of the scan: which one of the frame's it is, and the tables of codes, for
    /// the mean of a block and for the rest.
    pub(super) components: Vec<[usize; 3]>,
    /// The first number of each block that it holds, and the last one.
    pub(super) first: usize,
    pub(super) last: usize,
    /// How many bits of these numbers are still missing: before this scan, and after it.
    pub(super) before: u8,
    pub(super) after: u8,
}

impl Scan {
    /// Reads the content of its segment.
    pub(super) fn of(content: &[u8], frame: &Frame) -> Option<Self> {
        let (&count, rest) = content.split_first()?;
        let (pairs, rest) = rest.split_at_checked(2 * usize::from(count))?;
        let &[first, last, bits, ..] = rest else { return None };
        let mut components: Vec<[usize; 3]> = Vec::new();
        for &[id, tables] in pairs.as_chunks().0 {
            // Two may have the same id; then they come in the frame's order.
            let is_it = |(at, it): &(usize, &[usize; 3])| {
                it[0] == usize::from(id) && components.iter().all(|known| known[0] != *at)
            };
            let (at, _) = frame.components.iter().enumerate().find(is_it)?;
            components.push([at, usize::from(tables >> 4), usize::from(tables & 15)]);
        }
        let (first, last, bits) = match frame.is_progressive() {
            true => (usize::from(first), usize::from(last), bits),
            // Elsewhere these say nothing, and some cameras write what they like.
            false => (0, 63, 0),
        };
        let is_possible = first <= last && last < 64;
        is_possible.then_some(Self { components, first, last, before: bits >> 4, after: bits & 15 })
    }
}
