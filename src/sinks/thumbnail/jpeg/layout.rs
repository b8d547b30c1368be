//! How the pixels of a JPEG file are spread over it, from its headers alone.

use super::segments::{Frame, Scan, Segments};
use crate::sinks::thumbnail::format::Damage;

/// More scans than a progressive picture has: each of them costs a walk over all of it, and takes a
/// few bytes. (libjpeg-turbo's notes on such files recommend a limit; its own tests take 500.)
const MOST_SCANS: usize = 100;

/// Where what stands.
#[derive(Debug)]
pub(super) struct Layout {
    frame: Option<Frame>,
    scans: usize,
    /// One scan is not enough for a line of pixels.
    pub(super) keeps_coefficients: bool,
    /// Where the marker of the end stands. What follows it does not belong to the picture.
    pub(super) end: Option<usize>,
    /// How many bits are in no scan, for each component and each number of a block.
    missing: Vec<[Option<u8>; 64]>,
}

impl Layout {
    /// Walks over a file.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut layout = Self {
            frame: None,
            scans: 0,
            keeps_coefficients: true,
            end: None,
            missing: Vec::new(),
        };
        let mut segments = Segments::of(bytes);
        for segment in &mut segments {
            if let Some(frame) = Frame::of(&segment).filter(|_| layout.frame.is_none()) {
                layout.missing = vec![[None; 64]; frame.components.len()];
                layout.frame = Some(frame);
            } else if segment.kind == 0xda {
                layout.scan(segment.content);
            }
        }
        layout.end = segments.end();
        layout
    }

    fn scan(&mut self, content: &[u8]) {
        self.scans += 1;
        let Some(frame) = &self.frame else { return };
        let Some(scan) = Scan::of(content, frame) else { return };
        if self.scans == 1 {
            self.keeps_coefficients =
                frame.is_progressive() || scan.components.len() < frame.components.len();
        }
        for [component, ..] in &scan.components {
            self.missing[*component][scan.first..=scan.last].fill(Some(scan.after));
        }
    }

    /// Whether it can be decoded, as far as that can be told without it.
    pub(super) fn ensure_decodable(&self) -> Result<(), Damage> {
        let Some(frame) = &self.frame else { return Ok(()) };
        let is_known = matches!(frame.kind, 0xc0..=0xc2)
            && frame.precision == 8
            && matches!(frame.components.len(), 1 | 3 | 4);
        if !is_known {
            return Err(Damage::Unsupported);
        }
        if self.scans > MOST_SCANS {
            return Err(Damage::Bomb);
        }
        // Without its end nobody knows whether more was to come, unless nothing is left to come.
        let is_whole = match self.end {
            Some(_) => self.missing.iter().all(|component| component[0].is_some()),
            None => self.missing.iter().flatten().all(|bits| *bits == Some(0)),
        };
        if is_whole { Ok(()) } else { Err(Damage::Truncated) }
    }

    /// The file up to its end.
    pub(super) fn picture<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        &bytes[..self.end.unwrap_or(bytes.len())]
    }
}
