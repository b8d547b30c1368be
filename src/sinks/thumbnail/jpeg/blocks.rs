//! Whether all blocks of a JPEG's pixels are there. libjpeg warns without saying of what: where it
//! does, the codes of all scans are read once more, and counted.

use super::segments::{Frame, Scan, Segment, Segments};
use crate::sinks::thumbnail::means::{Bits, Codes};

/// How many bytes of whatever may stand between the last block and a restart.
const PADDING: usize = 4;

/// Whether each scan holds all the blocks that it should, and no code that does not exist. What it
/// holds behind them is no matter.
pub(super) fn are_whole(bytes: &[u8]) -> bool {
    let mut reader = Reader::default();
    Segments::of(bytes).all(|segment| reader.take(&segment).is_some()) && reader.scans > 0
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    frame: Option<Frame>,
    /// For the means, and for the rest.
    codes: [[Option<Codes>; 4]; 2],
    /// How many units stand between two restarts; 0 where there are none.
    restart: usize,
    /// Which numbers are not 0, a bit each, for each component and block of a progressive picture.
    nonzero: Vec<Vec<u64>>,
    scans: usize,
}

impl Reader {
    fn take(&mut self, segment: &Segment<'_>) -> Option<()> {
        if let Some(frame) = Frame::of(segment) {
            // libjpeg knows one only, and has found it good.
            self.frame.is_none().then_some(())?;
            let blocks = |at| if frame.is_progressive() { frame.blocks(at) } else { (0, 0) };
            let blocks = (0..frame.components.len()).map(blocks);
            self.nonzero = blocks.map(|(across, down)| vec![0; across * down]).collect();
            self.frame = Some(frame);
            return Some(());
        }
        match segment.kind {
            0xc4 => self.tables(segment.content),
            0xdd => {
                let &[high, low] = segment.content.first_chunk()?;
                self.restart = usize::from(u16::from_be_bytes([high, low]));
                Some(())
            }
            0xda => self.scan(segment),
            _ => Some(()),
        }
    }

    fn tables(&mut self, mut content: &[u8]) -> Option<()> {
        while let Some((&at, rest)) = content.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let count = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.split_at_checked(count)?;
            let of_rest = usize::from(at >> 4);
            let table = self.codes.get_mut(of_rest)?.get_mut(usize::from(at & 15))?;
            *table = Some(Codes::new(counts, symbols, of_rest == 1)?);
            content = rest;
        }
        Some(())
    }

    fn scan(&mut self, segment: &Segment<'_>) -> Option<()> {
        self.scans += 1;
        let frame = self.frame.as_ref()?;
        let scan = Scan::of(segment.content, frame)?;
        let (units, per_unit) = frame.units(&scan)?;
        let mut work = Work {
            scan: &scan,
            is_progressive: frame.is_progressive(),
            codes: &self.codes,
            nonzero: self.nonzero.get_mut(scan.components.first()?[0])?,
            run: 0,
        };
        let every = if self.restart == 0 { units } else { self.restart };
        let mut intervals = Intervals { rest: segment.pixels, number: 0 };
        for first in (0..units).step_by(every.max(1)) {
            work.run = 0;
            let is_last = first + every >= units;
            let interval = intervals.next(is_last)?;
            let mut bits = Bits::of(interval);
            for unit in first..units.min(first + every) {
                for component in &per_unit {
                    work.block(unit, *component, &mut bits)?;
                }
            }
            let left = bits.left()?;
            let padding = &interval[interval.len() - left.min(interval.len())..];
            let is_padding = left <= PADDING || padding.iter().all(|byte| *byte == padding[0]);
            (is_last || is_padding).then_some(())?;
        }
        Some(())
    }
}

impl Frame {
    /// How many blocks a component has beside and below one another, where it has a scan of its own.
    fn blocks(&self, component: usize) -> (usize, usize) {
        let most = |at: usize| self.components.iter().map(|it| it[at]).max().unwrap_or(1).max(1);
        let [_, across, down] = self.components[component];
        ((self.width * across).div_ceil(8 * most(1)), (self.height * down).div_ceil(8 * most(2)))
    }

    /// How many units a scan has, and of each block in a unit whose it is: which of the scan's.
    fn units(&self, scan: &Scan) -> Option<(usize, Vec<usize>)> {
        if scan.components.len() == 1 {
            let (across, down) = self.blocks(scan.components[0][0]);
            return Some((across * down, vec![0]));
        }
        let most = |at: usize| self.components.iter().map(|it| it[at]).max().unwrap_or(1).max(1);
        let units = self.width.div_ceil(8 * most(1)) * self.height.div_ceil(8 * most(2));
        let of = |(at, it): (usize, &[usize; 3])| {
            let [_, across, down] = self.components[it[0]];
            vec![at; across * down]
        };
        let per_unit: Vec<_> = scan.components.iter().enumerate().flat_map(of).collect();
        (per_unit.len() <= 10).then_some((units, per_unit))
    }
}

/// The pixels of a scan between its restarts.
struct Intervals<'p> {
    rest: &'p [u8],
    number: u8,
}

impl<'p> Intervals<'p> {
    /// The next one; the last one takes all that is left.
    fn next(&mut self, is_last: bool) -> Option<&'p [u8]> {
        let is_restart = |it: &[u8]| it[0] == 0xff && matches!(it[1], 0xd0..=0xd7);
        let restart = self.rest.windows(2).position(is_restart);
        if is_last {
            return Some(&self.rest[..restart.unwrap_or(self.rest.len())]);
        }
        let (interval, rest) = self.rest.split_at(restart?);
        let is_its_turn = rest[1] == 0xd0 + self.number;
        self.number = (self.number + 1) % 8;
        self.rest = &rest[2..];
        is_its_turn.then_some(interval)
    }
}

/// The reading of one scan.
struct Work<'w> {
    scan: &'w Scan,
    is_progressive: bool,
    codes: &'w [[Option<Codes>; 4]; 2],
    /// Which numbers are not 0 in the scan's first component, a bit each, block by block.
    nonzero: &'w mut Vec<u64>,
    /// How many of the blocks that follow hold nothing new.
    run: u32,
}

impl Work<'_> {
    /// Reads a block of this component of the scan's.
    fn block(&mut self, block: usize, component: usize, bits: &mut Bits<'_>) -> Option<()> {
        let [_, mean, rest] = self.scan.components[component];
        let codes = self.codes;
        let mean = || codes[0].get(mean)?.as_ref();
        let rest = || codes[1].get(rest)?.as_ref();
        if !self.is_progressive {
            skip_value(mean()?, bits)?;
            return rest()?.skip(bits);
        }
        match (self.scan.first, self.scan.before) {
            (0, 0) => skip_value(mean()?, bits),
            (0, _) => {
                bits.number(1);
                Some(())
            }
            (_, 0) => self.first(block, rest()?, bits),
            _ => self.again(block, rest()?, bits),
        }
    }

    /// The first bits of a block's numbers.
    fn first(&mut self, block: usize, codes: &Codes, bits: &mut Bits<'_>) -> Option<()> {
        if self.run > 0 {
            self.run -= 1;
            return Some(());
        }
        let mut at = self.scan.first;
        while at <= self.scan.last {
            bits.fill();
            let symbol = codes.next(bits)?;
            let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            match (zeros, size) {
                (15, 0) => at += 16,
                (_, 0) => {
                    self.run = (1 << zeros) + bits.number(zeros) - 1;
                    return Some(());
                }
                _ => {
                    at += zeros as usize;
                    bits.number(size);
                    *self.nonzero.get_mut(block)? |= 1_u64.checked_shl(at as u32)?;
                    at += 1;
                }
            }
        }
        Some(())
    }

    /// One more bit of a block's numbers.
    fn again(&mut self, block: usize, codes: &Codes, bits: &mut Bits<'_>) -> Option<()> {
        let last = self.scan.last;
        let mut at = self.scan.first;
        while self.run == 0 && at <= last {
            bits.fill();
            let symbol = codes.next(bits)?;
            let (mut zeros, size) = (u32::from(symbol >> 4), symbol & 15);
            match (zeros, size) {
                (15, 0) => {}
                (_, 0) => {
                    self.run = (1 << zeros) + bits.number(zeros);
                    break;
                }
                _ => {
                    bits.number(1);
                }
            }
            let nonzero = *self.nonzero.get(block)?;
            while at <= last {
                if nonzero >> at & 1 == 1 {
                    bits.number(1);
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
            if size > 0 {
                (at <= last).then_some(())?;
                *self.nonzero.get_mut(block)? |= 1 << at;
            }
            at += 1;
        }
        if self.run > 0 {
            let nonzero = *self.nonzero.get(block)?;
            (at..=last).filter(|at| nonzero >> at & 1 == 1).for_each(|_| {
                bits.number(1);
            });
            self.run -= 1;
        }
        Some(())
    }
}

/// Reads a code and the value that it announces.
fn skip_value(codes: &Codes, bits: &mut Bits<'_>) -> Option<()> {
    bits.fill();
    let size = codes.next(bits)?;
    bits.number(size.into());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mozjpeg::{ColorSpace, Compress};

    fn rough(width: usize, height: usize, progressive: bool) -> Vec<u8> {
        let mut dice = fastrand::Rng::with_seed(7);
        let value = |at: usize| ((at / 7 % 200) as u8).saturating_add(dice.u8(..60));
        let samples: Vec<u8> = (0..width * height * 3).map(value).collect();
        let mut encoder = Compress::new(ColorSpace::JCS_RGB);
        encoder.set_fastest_defaults();
        encoder.set_size(width, height);
        encoder.set_chroma_sampling_pixel_sizes((2, 2), (2, 1));
        if progressive {
            encoder.set_progressive_mode();
        }
        let mut encoder = encoder.start_compress(Vec::new()).unwrap();
        encoder.write_scanlines(&samples).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn all_blocks_are_there_or_they_are_not() {
        for progressive in [false, true] {
            for (width, height) in [(1, 1), (17, 33), (90, 71)] {
                let good = rough(width, height, progressive);
                assert!(are_whole(&good), "{width} x {height}, {progressive}");
                let more = [&good[..good.len() - 2], &[0x12; 9], b"\xff\xd9"].concat();
                assert!(are_whole(&more), "{width} x {height}, {progressive}");
                let begin = good.windows(2).rposition(|it| it == [0xff, 0xda]).unwrap() + 12;
                for end in (begin..good.len() - 2).rev().step_by(1 + width / 4) {
                    let cut = [&good[..end], b"\xff\xd9"].concat();
                    assert!(!are_whole(&cut), "{width} x {height}, {progressive}, {end}");
                }
            }
        }
    }

    #[test]
    fn rubbish_is_not_whole_or_looks_like_it_and_never_panics() {
        let mut dice = fastrand::Rng::with_seed(7);
        let mut found = 0;
        for progressive in [false, true] {
            let good = rough(90, 71, progressive);
            for _ in 0..300 {
                let mut bytes = good.clone();
                for _ in 0..dice.usize(1..4) {
                    let at = dice.usize(2..bytes.len());
                    bytes[at] = dice.u8(..);
                }
                found += usize::from(!are_whole(&bytes));
            }
        }
        assert!(found > 100, "{found}");
    }
}
