//! The bits of a scan, one after the other. All the time goes here and into the codes: what is
//! small is inlined by name, since the compiler does not across files.

/// The bits of a scan, without what is stuffed in. Behind its end they are zeros.
pub(in crate::sinks::thumbnail) struct Bits<'s> {
    rest: &'s [u8],
    /// The next ones, the very next on top.
    pub(in crate::sinks::thumbnail) next: u64,
    count: u32,
    /// How many of the bits in store are behind the end of the data.
    made_up: u32,
}

impl<'s> Bits<'s> {
    pub(in crate::sinks::thumbnail) fn of(scan: &'s [u8]) -> Self {
        Self { rest: scan, next: 0, count: 0, made_up: 0 }
    }

    /// Sees that there are 32 at least: more than a code and its value take.
    #[inline]
    pub(in crate::sinks::thumbnail) fn fill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(bytes) = self.rest.first_chunk::<8>() {
            let bytes = u64::from_be_bytes(*bytes);
            // Is one of them 0xff?
            if (bytes & !bytes.wrapping_add(0x0101_0101_0101_0101) & 0x8080_8080_8080_8080) == 0 {
                let count = (63 - self.count) / 8;
                self.next |= bytes >> self.count;
                self.count += 8 * count;
                self.rest = &self.rest[count as usize..];
                return;
            }
        }
        self.fill_slowly();
    }

    fn fill_slowly(&mut self) {
        while self.count <= 56 {
            let byte = match *self.rest {
                [0xff, 0, ref rest @ ..] => {
                    self.rest = rest;
                    0xff
                }
                [0xff, ..] | [] => {
                    self.made_up += 8;
                    0
                }
                [byte, ref rest @ ..] => {
                    self.rest = rest;
                    byte
                }
            };
            self.next |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// These have been seen; there must be as many.
    #[inline]
    pub(in crate::sinks::thumbnail) fn pass(&mut self, count: u32) {
        self.next <<= count;
        self.count -= count;
    }

    /// A value of so many bits; below the middle it is negative.
    #[inline]
    pub(in crate::sinks::thumbnail) fn value(&mut self, size: u32) -> i32 {
        if size == 0 {
            return 0;
        }
        let value = (self.next >> (64 - size)) as i32;
        self.pass(size);
        if value < 1 << (size - 1) { value - (1 << size) + 1 } else { value }
    }

    /// Reads this many bits, at most 32, as a number.
    pub(in crate::sinks::thumbnail) fn number(&mut self, count: u32) -> u32 {
        self.fill();
        let number = (self.next >> 32 >> (32 - count)) as u32;
        self.pass(count);
        number
    }

    /// How many whole bytes have not been read; nothing where more has been read than there was.
    pub(in crate::sinks::thumbnail) fn left(&self) -> Option<usize> {
        Some(self.count.checked_sub(self.made_up)? as usize / 8 + self.rest.len())
    }

    /// Sees that all has been read up to this marker.
    pub(in crate::sinks::thumbnail) fn end_with(&mut self, kind: u8) -> Option<&'s [u8]> {
        self.fill_slowly();
        let left = self.count.checked_sub(self.made_up)?;
        self.rest.strip_prefix(&[0xff, kind]).filter(|_| left < 8)
    }

    /// Goes on behind the marker of this restart.
    pub(in crate::sinks::thumbnail) fn restart(&mut self, number: u8) -> Option<()> {
        *self = Self::of(self.end_with(0xd0 + number)?);
        Some(())
    }
}
