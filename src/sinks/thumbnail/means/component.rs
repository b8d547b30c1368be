//! One of light and colours, and the means of its blocks.

use super::bits::Bits;
use super::codes::Codes;

pub(super) struct Component {
    /// How many of the component's blocks a unit has beside and below one another.
    across: usize,
    down: usize,
    step: i32,
    /// Where a block gives four means.
    weights: Option<Box<[(u8, f32); 64]>>,
    /// How many times the component must be doubled to be as large as the picture, each way.
    pub(super) wider: u32,
    lower: u32,
    width: usize,
    means: Vec<u8>,
    /// Each mean is the difference to the one before.
    pub(super) last: i32,
}

impl Component {
    /// With so many blocks in a unit, where the most of all components are these.
    pub(super) fn new(
        own: [u8; 2],
        most: [u8; 2],
        units: (usize, usize),
        steps: &[u16; 64],
    ) -> Option<Self> {
        let (wider, lower) = (shift(most[0], own[0])?, shift(most[1], own[1])?);
        let [across, down] = own.map(usize::from);
        // As libjpeg has it: twice the means where that is twice as many both ways.
        let doubled = wider == 1 && lower == 1;
        let per_block = if doubled { 2 } else { 1 };
        let (width, height) = (units.0 * across * per_block, units.1 * down * per_block);
        Some(Self {
            across,
            down,
            step: steps[0].into(),
            weights: doubled.then(|| Box::new(weights(steps))),
            wider: if doubled { 0 } else { wider },
            lower: if doubled { 0 } else { lower },
            width,
            means: vec![0; width * height],
            last: 0,
        })
    }

    /// The means that belong to a row of the picture's.
    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.means[(y >> self.lower) * self.width..][..self.width]
    }

    /// Reads its blocks of one unit.
    pub(super) fn unit(
        &mut self,
        x: usize,
        y: usize,
        bits: &mut Bits<'_>,
        mean: &Codes,
        rest: &Codes,
    ) -> Option<()> {
        for down in 0..self.down {
            for across in 0..self.across {
                let (x, y) = (x * self.across + across, y * self.down + down);
                bits.fill();
                let size = mean.next(bits)?.into();
                self.last = self.last.wrapping_add(bits.value(size));
                let sum = self.last.wrapping_mul(self.step);
                match &self.weights {
                    None => {
                        rest.skip(bits)?;
                        self.means[y * self.width + x] =
                            (128 + ((sum.wrapping_add(4)) >> 3)).clamp(0, 255) as u8;
                    }
                    Some(weights) => {
                        let [beside, below, across] = rest.quarters(bits, weights)?;
                        let mean = 128.5 + sum as f32 / 8.0;
                        let at = 2 * y * self.width + 2 * x;
                        self.means[at] = (mean + beside + below + across) as u8;
                        self.means[at + 1] = (mean - beside + below - across) as u8;
                        self.means[at + self.width] = (mean + beside - below - across) as u8;
                        self.means[at + self.width + 1] = (mean - beside - below + across) as u8;
                    }
                }
            }
        }
        Some(())
    }
}

/// How often a component is smaller: not at all, or by half.
fn shift(most: u8, own: u8) -> Option<u32> {
    match (most, own) {
        (2, 1) => Some(1),
        (1, 1) | (2, 2) => Some(0),
        _ => None,
    }
}

/// In which order a block's numbers stand: eight times the row, and the column.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// How much the waves of a block differ between its halves: the mean of each over the first half.
/// Even ones do not.
const HALVES: [f32; 8] =
    [1.0, 0.906_127_45, 0.0, -0.318_189_64, 0.0, 0.212_607_52, 0.0, -0.180_239_96];

/// What each number of a block does to the quarters' means, and to which of their differences.
fn weights(steps: &[u16; 64]) -> [(u8, f32); 64] {
    std::array::from_fn(|at| {
        let (row, column) = (usize::from(ZIGZAG[at] / 8), usize::from(ZIGZAG[at] % 8));
        let kind = match (row, column) {
            (0, _) => 0,
            (_, 0) => 1,
            _ => 2,
        };
        (kind, HALVES[row] * HALVES[column] * f32::from(steps[at]) / 8.0)
    })
}
