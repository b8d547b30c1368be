//! Huffman codes: one read at a time, and several skipped at once.

use super::bits::Bits;

/// How many bits tell most codes at once.
const SHORT: u32 = 9;

/// How many bits tell at once how far to skip.
const WINDOW: u32 = 12;

/// A table of Huffman codes.
pub(in crate::sinks::thumbnail) struct Codes {
    /// By the next bits: the symbol and its code's length; a length of 0 where it is longer.
    short: Box<[(u8, u8); 1 << SHORT]>,
    /// By length: the first bits that belong to a longer code, and where the symbols of this length
    /// begin, less the first code.
    longer: [(u32, i32); 17],
    symbols: Vec<u8>,
    /// By the next bits: what all the codes do that they hold; too many numbers where they hold none.
    skips: Box<[Skip; 1 << WINDOW]>,
}

/// Some codes together with the values behind them.
#[derive(Clone, Copy)]
struct Skip {
    bits: u8,
    /// How many numbers of the block these are; [`END`] more where the block ends behind them.
    numbers: u8,
}

/// More than a block has, told apart from too many.
const END: u8 = 128;

impl Codes {
    /// For the means, or for the rest of a block.
    pub(in crate::sinks::thumbnail) fn new(
        counts: &[u8; 16],
        symbols: &[u8],
        of_rest: bool,
    ) -> Option<Self> {
        let largest = if of_rest { 10 } else { 11 };
        let size = |symbol: u8| if of_rest { symbol & 15 } else { symbol };
        if symbols.iter().any(|&symbol| size(symbol) > largest) {
            return None;
        }
        let (mut code, mut at) = (0, 0);
        let mut short = Box::new([(0, 0); 1 << SHORT]);
        let mut longer = [(0, 0); 17];
        for length in 1..=16_u32 {
            let count = u32::from(counts[length as usize - 1]);
            let offset = at as i32 - code as i32;
            for _ in 0..count {
                if length <= SHORT {
                    let first = (code << (SHORT - length)) as usize;
                    let symbol = *symbols.get(at)?;
                    short
                        .get_mut(first..first + (1 << (SHORT - length)))?
                        .fill((symbol, length as u8));
                }
                code += 1;
                at += 1;
            }
            if code >= 1 << length {
                return None; // none is all ones
            }
            longer[length as usize] = (code, offset);
            code <<= 1;
        }
        let skips = Box::new([Skip { bits: 0, numbers: 64 }; 1 << WINDOW]);
        let mut codes = Self { short, longer, symbols: symbols.to_owned(), skips };
        if of_rest {
            for bits in 0..1 << WINDOW {
                codes.skips[bits] = codes.skip_of(bits as u64);
            }
        }
        Some(codes)
    }

    /// The symbol at the head of 64 bits, and its code's length.
    #[inline]
    fn look(&self, bits: u64) -> Option<(u8, u32)> {
        let (symbol, length) = self.short[(bits >> (64 - SHORT)) as usize];
        if length > 0 {
            return Some((symbol, length.into()));
        }
        for length in SHORT + 1..=16 {
            let code = (bits >> (64 - length)) as u32;
            let (end, offset) = self.longer[length as usize];
            if code < end {
                return Some((*self.symbols.get((code as i32 + offset) as usize)?, length));
            }
        }
        None
    }

    /// Reads a symbol.
    #[inline]
    pub(in crate::sinks::thumbnail) fn next(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let (symbol, length) = self.look(bits.next)?;
        bits.pass(length);
        Some(symbol)
    }

    /// What these bits hold as a whole; the last value may stand behind them.
    fn skip_of(&self, window: u64) -> Skip {
        let mut skip = Skip { bits: 0, numbers: 0 };
        while u32::from(skip.bits) < WINDOW && skip.numbers < 64 {
            let left = WINDOW - u32::from(skip.bits);
            let code = self.look(window << (64 - left)).filter(|(_, length)| *length <= left);
            let Some((symbol, length)) = code else { break };
            let (zeros, size) = (symbol >> 4, symbol & 15);
            skip.bits += length as u8 + size;
            match (zeros, size) {
                (15, 0) => skip.numbers += 16,
                (_, 0) => {
                    skip.numbers += END;
                    break;
                }
                _ => skip.numbers += zeros + 1,
            }
        }
        if skip.bits == 0 { Skip { bits: 0, numbers: 64 } } else { skip }
    }

    /// Skips the rest of a block.
    #[inline]
    pub(in crate::sinks::thumbnail) fn skip(&self, bits: &mut Bits<'_>) -> Option<()> {
        let mut at = 1;
        while at < 64 {
            bits.fill();
            let skip = self.skips[(bits.next >> (64 - WINDOW)) as usize];
            let then = at + u32::from(skip.numbers);
            // Behind a block's last number the next block begins.
            if then % u32::from(END) < 64 {
                bits.pass(skip.bits.into());
                if then > 64 {
                    return Some(());
                }
                at = then;
                continue;
            }
            let symbol = self.next(bits)?;
            let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            bits.pass(size);
            match (zeros, size) {
                (15, 0) => at += 16,
                (_, 0) => return Some(()),
                _ => at += zeros + 1,
            }
        }
        (at == 64).then_some(())
    }

    /// Reads the rest of a block, and gives by how much its quarters differ from its mean: those
    /// beside one another, those below one another, and across.
    pub(in crate::sinks::thumbnail) fn quarters(
        &self,
        bits: &mut Bits<'_>,
        weights: &[(u8, f32); 64],
    ) -> Option<[f32; 3]> {
        let mut differences = [0.0; 3];
        let mut at = 1;
        while at < 64 {
            bits.fill();
            let symbol = self.next(bits)?;
            let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            match (zeros, size) {
                (15, 0) => at += 16,
                (_, 0) => return Some(differences),
                _ => {
                    let (kind, weight) = weights.get(at + zeros)?;
                    differences[usize::from(*kind)] += weight * bits.value(size) as f32;
                    at += zeros + 1;
                }
            }
        }
        (at == 64).then_some(differences)
    }
}
