//! Batches are filled up to limits: so many things, and so many bytes.

/// The limits of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// How many things.
    pub count: usize,
    /// How many bytes they have together.
    pub bytes: usize,
}

/// Fills batches up to their limits. What is filled is whatever a batch is made of: a list, or a
/// list with what goes with it.
///
/// There are two ways to fill one: until it [is full](Self::is_full), so that its last thing may
/// exceed the bytes, or as long as [there is room](Self::has_room_for), so that nothing does but a
/// thing that is too large for any batch, which is alone in one.
#[derive(Debug, Clone)]
pub struct BatchBuilder<B> {
    limits: BatchLimits,
    content: B,
    count: usize,
    bytes: usize,
}

impl<B: Default> BatchBuilder<B> {
    /// An empty batch.
    pub fn new(limits: BatchLimits) -> Self {
        Self { limits, content: B::default(), count: 0, bytes: 0 }
    }

    /// The limits of this batch, and of those that follow it.
    pub fn limits(&self) -> BatchLimits {
        self.limits
    }

    /// Counts one more thing of this size, in bytes, and gives the content that it goes into.
    pub fn add(&mut self, size: usize) -> &mut B {
        self.add_all(1, size)
    }

    /// Counts so many more things of this size together, and gives the content that they go into.
    pub fn add_all(&mut self, count: usize, bytes: usize) -> &mut B {
        self.count = self.count.saturating_add(count);
        self.bytes = self.bytes.saturating_add(bytes);
        &mut self.content
    }

    /// What was filled in by now.
    pub fn content(&self) -> &B {
        &self.content
    }

    /// The content, for what goes into it and does not count.
    pub fn content_mut(&mut self) -> &mut B {
        &mut self.content
    }

    /// How many things were counted.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many bytes they have together.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether a limit is reached. Bytes alone fill no empty batch: one thing of any size gets in.
    pub fn is_full(&self) -> bool {
        self.count >= self.limits.count || (!self.is_empty() && self.bytes >= self.limits.bytes)
    }

    /// Whether so much more exceeds no limit. An empty batch has room for anything.
    pub fn has_room_for(&self, count: usize, bytes: usize) -> bool {
        let fits = self.count.saturating_add(count) <= self.limits.count
            && self.bytes.saturating_add(bytes) <= self.limits.bytes;
        fits || self.is_empty()
    }

    /// Gives what was filled in, and begins with an empty batch.
    pub fn take(&mut self) -> B {
        std::mem::replace(self, Self::new(self.limits)).into_content()
    }

    /// What was filled in.
    pub fn into_content(self) -> B {
        self.content
    }
}

impl<T> BatchBuilder<Vec<T>> {
    /// Adds one thing of this size, in bytes.
    pub fn push(&mut self, thing: T, size: usize) {
        self.add(size).push(thing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten bytes or three things.
    const LIMITS: BatchLimits = BatchLimits { count: 3, bytes: 10 };

    fn filled(sizes: &[usize]) -> BatchBuilder<Vec<usize>> {
        let mut batch = BatchBuilder::new(LIMITS);
        sizes.iter().for_each(|size| batch.push(*size, *size));
        batch
    }

    #[test]
    fn an_empty_batch_is_never_full_and_takes_anything() {
        let batch = filled(&[]);
        assert!(batch.is_empty() && !batch.is_full());
        assert!(batch.has_room_for(1, 11), "one that is too large is alone");
        assert!(batch.content().is_empty());
        let bounds = |count, bytes| BatchBuilder::<()>::new(BatchLimits { count, bytes });
        assert!(!bounds(1, 0).is_full());
        assert!(bounds(0, 10).is_full(), "nothing is asked for");
    }

    #[test]
    fn one_too_large_is_alone() {
        let batch = filled(&[11]);
        assert!(batch.is_full() && !batch.has_room_for(1, 0));
        assert!(!filled(&[1]).has_room_for(1, 11));
        assert!(!filled(&[1]).has_room_for(1, usize::MAX), "nothing overflows");
    }

    #[test]
    fn a_batch_may_have_exactly_its_limits() {
        assert!(filled(&[9]).has_room_for(1, 1) && !filled(&[9]).has_room_for(1, 2));
        assert!(!filled(&[9]).is_full() && filled(&[9, 1]).is_full());
        assert!(filled(&[0, 0]).has_room_for(1, 0) && !filled(&[0, 0]).has_room_for(2, 0));
        assert!(!filled(&[0, 0]).is_full() && filled(&[0, 0, 0]).is_full());
        assert!(!filled(&[0, 0, 0]).has_room_for(1, 0));
    }

    #[test]
    fn what_is_taken_is_gone_and_the_limits_stay() {
        let mut batch = filled(&[4, 6]);
        batch.content_mut().push(99);
        assert_eq!((batch.count(), batch.bytes()), (2, 10), "what does not count");
        assert_eq!(batch.take(), [4, 6, 99]);
        assert!(batch.is_empty() && !batch.is_full());
        batch.add_all(3, 0).extend([1, 2, 3]);
        assert!(batch.is_full());
        assert_eq!(batch.into_content(), [1, 2, 3]);
    }
}
