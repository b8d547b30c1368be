//! A JPEG at an eighth of its size: of each block of eight by eight pixels its mean, and nothing else
//! is decoded. Most of a file is what the means leave out, and most of that is skipped several codes
//! at a time. Colours that are stored at half the size are the means of quarters of their blocks.
//!
//! Only the common kind is read, as cameras write it: Huffman codes, one scan, grey or YCbCr. At
//! anything that is the least bit odd this gives up, and libjpeg is the judge.

mod bits;
mod codes;
mod component;

use super::fit::Size;
pub(super) use bits::Bits;
pub(super) use codes::Codes;
use component::Component;

/// The means: a byte each where it is grey, else three for red, green and blue.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Means {
    pub(super) size: Size,
    pub(super) is_grey: bool,
    pub(super) samples: Vec<u8>,
}

/// The means of a picture of one component, or of three that are YCbCr.
pub(super) fn of(bytes: &[u8]) -> Option<Means> {
    let mut header = Header::default();
    let scan = header.read(bytes)?;
    let mut components = header.components()?;
    header.decode(scan, &mut components)?;
    let size = Size::new(header.width.div_ceil(8), header.height.div_ceil(8));
    let rows = 0..size.height as usize;
    let width = size.width as usize;
    let samples = match &components[..] {
        [grey] => rows.flat_map(|y| &grey.row(y)[..width]).copied().collect(),
        [light, blue, red] => {
            let mut samples = vec![0; 3 * width * rows.len()];
            for (y, row) in samples.chunks_exact_mut(3 * width).enumerate() {
                let (light, blue_row, red_row) = (light.row(y), blue.row(y), red.row(y));
                for (x, pixel) in row.as_chunks_mut().0.iter_mut().enumerate() {
                    *pixel = rgb(light[x], blue_row[x >> blue.wider], red_row[x >> red.wider]);
                }
            }
            samples
        }
        _ => return None,
    };
    Some(Means { size, is_grey: components.len() == 1, samples })
}

/// As JFIF has it, in units of 1/65536.
fn rgb(light: u8, blue: u8, red: u8) -> [u8; 3] {
    let (blue, red) = (i32::from(blue) - 128, i32::from(red) - 128);
    let mixed = |colour: i32| (i32::from(light) + ((colour + 0x8000) >> 16)).clamp(0, 255) as u8;
    [mixed(91_881 * red), mixed(-22_554 * blue - 46_802 * red), mixed(116_130 * blue)]
}

/// What a file says before its pixels.
#[derive(Default)]
struct Header {
    width: u32,
    height: u32,
    /// For each component: id, horizontal and vertical sampling, table of steps.
    frame: Vec<[u8; 4]>,
    /// For each component: the tables of codes, for the mean and for the rest.
    tables: Vec<[usize; 2]>,
    steps: [Option<Box<[u16; 64]>>; 4],
    codes: [[Option<Box<Codes>>; 4]; 2],
    /// How many units stand between two restarts; 0 where there are none.
    restart: usize,
}

impl Header {
    /// Gives what follows the header.
    fn read<'b>(&mut self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let mut rest = bytes.strip_prefix(b"\xff\xd8")?;
        loop {
            let &[0xff, kind, high, low, ..] = rest else { return None };
            let length = usize::from(high) << 8 | usize::from(low);
            let segment = rest.get(4..2 + length)?;
            rest = &rest[2 + length..];
            match kind {
                0xc0 | 0xc1 => self.frame(segment)?,
                0xc4 => self.codes(segment)?,
                0xda => return self.scan(segment).map(|()| rest),
                0xdb => self.steps(segment)?,
                0xdd => {
                    self.restart =
                        usize::from(*segment.first()?) << 8 | usize::from(*segment.get(1)?)
                }
                0xe0..=0xef | 0xfe => {}
                _ => return None,
            }
        }
    }

    fn frame(&mut self, segment: &[u8]) -> Option<()> {
        let &[8, h1, h2, w1, w2, count, ref components @ ..] = segment else { return None };
        self.height = u32::from(h1) << 8 | u32::from(h2);
        self.width = u32::from(w1) << 8 | u32::from(w2);
        let (components, []) = components.as_chunks::<3>() else { return None };
        let is_new = self.frame.is_empty() && components.len() == usize::from(count);
        if !is_new || self.width == 0 || self.height == 0 {
            return None;
        }
        let split = |&[id, sampling, steps]: &[u8; 3]| [id, sampling >> 4, sampling & 15, steps];
        self.frame = components.iter().map(split).collect();
        Some(())
    }

    fn steps(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((&at, rest)) = segment.split_first() {
            let (values, rest) = rest.split_at_checked(64)?;
            let mut steps = [0; 64];
            steps.iter_mut().zip(values).for_each(|(step, value)| *step = u16::from(*value));
            *self.steps.get_mut(usize::from(at))? = Some(Box::new(steps));
            segment = rest;
        }
        Some(())
    }

    fn codes(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((&at, rest)) = segment.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let count = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.split_at_checked(count)?;
            let of_rest = usize::from(at >> 4);
            let table = self.codes.get_mut(of_rest)?.get_mut(usize::from(at & 15))?;
            *table = Some(Box::new(Codes::new(counts, symbols, of_rest == 1)?));
            segment = rest;
        }
        Some(())
    }

    fn scan(&mut self, segment: &[u8]) -> Option<()> {
        let (&count, rest) = segment.split_first()?;
        let (components, spectrum) = rest.split_at_checked(2 * usize::from(count))?;
        let components = components.as_chunks::<2>().0;
        let same = |(it, frame): (&[u8; 2], &[u8; 4])| it[0] == frame[0];
        let are_ours = components.iter().zip(&self.frame).all(same);
        if components.len() != self.frame.len() || !are_ours || spectrum != [0, 63, 0] {
            return None;
        }
        let split = |it: &[u8; 2]| [usize::from(it[1] >> 4), usize::from(it[1] & 15)];
        self.tables = components.iter().map(split).collect();
        Some(())
    }

    /// Units, each of some blocks of every component: so many from left to right and downwards.
    fn units(&self) -> (usize, usize) {
        let [across, down] =
            if self.frame.len() == 1 { [1, 1] } else { [1, 2].map(|at| self.most(at)) };
        let units = |length: u32, most: u8| length.div_ceil(8 * u32::from(most)) as usize;
        (units(self.width, across), units(self.height, down))
    }

    fn most(&self, at: usize) -> u8 {
        self.frame.iter().map(|it| it[at]).max().unwrap_or(1)
    }

    fn components(&self) -> Option<Vec<Component>> {
        let (most, is_single) = ([self.most(1), self.most(2)], self.frame.len() == 1);
        let component = |&[_, across, down, steps]: &[u8; 4]| {
            let steps = self.steps.get(usize::from(steps))?.as_ref()?;
            match is_single {
                true => Component::new([1, 1], [1, 1], self.units(), steps),
                false => Component::new([across, down], most, self.units(), steps),
            }
        };
        self.frame.iter().map(component).collect()
    }

    fn decode(&self, scan: &[u8], components: &mut [Component]) -> Option<()> {
        let (units_across, units_down) = self.units();
        let tables: Option<Vec<_>> = self
            .tables
            .iter()
            .map(|&[mean, rest]| {
                Some((self.codes[0].get(mean)?.as_deref()?, self.codes[1].get(rest)?.as_deref()?))
            })
            .collect();
        let tables = tables?;
        let mut bits = Bits::of(scan);
        let mut restarts = 0;
        for unit in 0..units_across * units_down {
            if self.restart > 0 && unit > 0 && unit % self.restart == 0 {
                bits.restart(restarts)?;
                restarts = (restarts + 1) % 8;
                components.iter_mut().for_each(|it| it.last = 0);
            }
            let (x, y) = (unit % units_across, unit / units_across);
            for (component, (mean, rest)) in components.iter_mut().zip(&tables) {
                component.unit(x, y, &mut bits, mean, rest)?;
            }
        }
        bits.end_with(0xd9).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mozjpeg::{ColorSpace, Compress, Decompress};

    /// Rough in light and colours, with some of it black and some white.
    fn rough(width: usize, height: usize, of: usize, quality: f32, halves: (u8, u8)) -> Vec<u8> {
        let mut dice = fastrand::Rng::with_seed(7);
        let value = |at: usize| match at / 977 % 5 {
            0 => 0,
            1 => 255,
            _ => ((at / 7 % 200) as u8).saturating_add(dice.u8(..60)),
        };
        let samples: Vec<u8> = (0..width * height * of).map(value).collect();
        let space = if of == 1 { ColorSpace::JCS_GRAYSCALE } else { ColorSpace::JCS_RGB };
        let mut encoder = Compress::new(space);
        encoder.set_fastest_defaults();
        encoder.set_size(width, height);
        encoder.set_quality(quality);
        if of == 3 {
            encoder.set_chroma_sampling_pixel_sizes(halves, halves);
        }
        let mut encoder = encoder.start_compress(Vec::new()).unwrap();
        encoder.write_scanlines(&samples).unwrap();
        encoder.finish().unwrap()
    }

    /// What libjpeg makes of it.
    fn slowly(bytes: &[u8], is_grey: bool) -> Means {
        let mut decoder = Decompress::new_mem(bytes).unwrap();
        decoder.scale(1);
        let decoder = if is_grey { decoder.grayscale() } else { decoder.rgb() };
        let mut decoder = decoder.unwrap();
        let size = Size::new(decoder.width() as u32, decoder.height() as u32);
        Means { size, is_grey, samples: decoder.read_scanlines::<u8>().unwrap() }
    }

    #[test]
    fn the_means_are_those_of_libjpeg() {
        for (width, height) in [(1, 1), (8, 8), (17, 33), (250, 131)] {
            for quality in [30.0, 85.0, 100.0] {
                for (of, halves) in
                    [(1, (1, 1)), (3, (1, 1)), (3, (2, 1)), (3, (1, 2)), (3, (2, 2))]
                {
                    let what = format!("{width} x {height}, {quality}, {of}, {halves:?}");
                    let bytes = rough(width, height, of, quality, halves);
                    let (quick, slow) = (super::of(&bytes).expect(&what), slowly(&bytes, of == 1));
                    assert_eq!((quick.size, quick.is_grey), (slow.size, slow.is_grey), "{what}");
                    // Where quarters are told apart libjpeg rounds twice more than we do.
                    let most = if halves == (2, 2) { 2 } else { 0 };
                    assert_eq!(quick.samples.len(), slow.samples.len(), "{what}");
                    let pairs = quick.samples.iter().zip(&slow.samples);
                    let far = pairs.map(|(a, b)| a.abs_diff(*b)).max();
                    assert!(far <= Some(most), "{what}: {far:?}");
                }
            }
        }
    }

    #[test]
    fn what_ends_too_early_or_has_more_than_it_should_is_left_to_libjpeg() {
        let good = rough(90, 70, 3, 85.0, (2, 2));
        for length in 0..good.len() {
            assert_eq!(super::of(&good[..length]), None, "{length}");
        }
        let (scan, end) = good.split_at(good.len() - 2);
        assert_eq!(super::of(&[scan, &[0x12, 0x34], end].concat()), None);
        assert!(super::of(&[&good, b"whatever".as_slice()].concat()).is_some());
    }

    #[test]
    fn rubbish_never_panics() {
        let mut dice = fastrand::Rng::with_seed(7);
        let good = rough(90, 70, 3, 85.0, (2, 2));
        let mut given_up = 0;
        for _ in 0..5000 {
            let mut bytes = good.clone();
            for _ in 0..dice.usize(1..4) {
                let at = dice.usize(2..bytes.len());
                bytes[at] = dice.u8(..);
            }
            given_up += usize::from(super::of(&bytes).is_none());
        }
        assert!(given_up > 100, "{given_up}");
    }
}
