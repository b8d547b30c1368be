//! What waits for a write, in lines: of one line at most one batch is written at a time.
//!
//! Messages of a group are a line where the sink keeps their order. Every other message is in the
//! line of its id: two with one id are written one after the other, each in a batch of its own.

use crate::batch::{BatchBuilder, BatchLimits};
use crate::message::{Delivery, Message};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

/// Which messages must not be written side by side: those of a group, or those with an id. Known by a
/// digest, as every message has one. Should two names ever have the same, they only wait for one
/// another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Line {
    digest: u64,
    grouped: bool,
}

/// What digests depend on, so that nobody chooses names that wait for one another.
static DIGESTS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl Line {
    /// The line of a message, for a sink that keeps the order within groups or does not.
    pub fn of(message: &Message, ordered: bool) -> Self {
        let of = |name: &str, grouped| Self { digest: DIGESTS.hash_one(name), grouped };
        match &message.group {
            Some(group) if ordered => of(group, true),
            _ => of(&message.id, false),
        }
    }
}

/// A batch, and the lines that stand still until it is over.
pub struct Batch {
    pub deliveries: Vec<Delivery>,
    pub lines: Vec<Line>,
}

/// How a line stands.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// Its first can be written, and what is behind that with it.
    #[default]
    Free,
    /// Its first has to be written alone.
    Alone,
    /// Something of it is being written.
    Written,
}

/// What a line has behind the first of it, or behind what is being written of it.
#[derive(Default)]
struct Behind {
    stand: Stand,
    waiting: VecDeque<(i64, Delivery)>,
    bytes: usize,
}

/// Everything that waits for a write.
pub struct Lines {
    ordered: bool,
    /// Where the next one comes in, behind all others or before them.
    last: i64,
    first: i64,
    /// The first of each line of which nothing is being written.
    ready: BTreeMap<i64, Delivery>,
    /// Those of them that may kill their worker; the least likely first.
    suspects: BTreeMap<(u32, i64), Delivery>,
    /// Every line of which something waits or is being written.
    behind: HashMap<Line, Behind>,
    waiting: usize,
    /// How many of those no line holds up.
    free: usize,
    free_bytes: usize,
}

impl Lines {
    /// Empty, for a sink that keeps the order within groups or does not.
    pub fn new(ordered: bool) -> Self {
        let (ready, suspects, behind) = Default::default();
        let (last, first, waiting, free, free_bytes) = Default::default();
        Self { ordered, last, first, ready, suspects, behind, waiting, free, free_bytes }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many of them no line holds up.
    pub fn free(&self) -> usize {
        self.free
    }

    /// How many bytes these have.
    pub fn free_bytes(&self) -> usize {
        self.free_bytes
    }

    /// Whether one waits that may kill its worker, and nothing before it in its line.
    pub fn has_suspect(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// Puts this behind all others.
    pub fn push(&mut self, delivery: Delivery) {
        self.last += 1;
        self.enter(self.last, delivery);
    }

    fn enter(&mut self, place: i64, delivery: Delivery) {
        let size = delivery.message.size();
        self.waiting += 1;
        let line = Line::of(&delivery.message, self.ordered);
        let Some(behind) = self.behind.get_mut(&line) else {
            return self.offer(line, Behind::default(), place, delivery);
        };
        behind.waiting.push_back((place, delivery));
        behind.bytes += size;
        if behind.stand == Stand::Free {
            self.free += 1;
            self.free_bytes += size;
        }
    }

    /// This one is the first of its line now.
    fn offer(&mut self, line: Line, mut behind: Behind, place: i64, first: Delivery) {
        if first.lost > 0 {
            behind.stand = Stand::Alone;
            self.suspects.insert((first.lost, place), first);
        } else {
            behind.stand = Stand::Free;
            self.free += 1 + behind.waiting.len();
            self.free_bytes += first.message.size() + behind.bytes;
            self.ready.insert(place, first);
        }
        self.behind.insert(line, behind);
    }

    /// The next batch: at most `max` messages, ending when it holds `max_bytes`. As much of a line
    /// comes as there is room for, so that other batches find other lines.
    pub fn batch(&mut self, max: usize, max_bytes: usize) -> Batch {
        let mut taken = BatchBuilder::new(BatchLimits { count: max, bytes: max_bytes });
        let mut lines = Vec::new();
        while !taken.is_full() {
            let Some((place, first)) = self.ready.pop_first() else { break };
            let line = Line::of(&first.message, self.ordered);
            self.gone(&first);
            let size = first.message.size();
            taken.push((place, first), size);
            while line.grouped && !taken.is_full() {
                let Some((place, next)) = self.follower(line) else { break };
                let size = next.message.size();
                taken.push((place, next), size);
            }
            self.stand_still(line);
            lines.push(line);
        }
        let mut taken = taken.into_content();
        taken.sort_unstable_by_key(|(place, _)| *place);
        Batch { deliveries: taken.into_iter().map(|(_, delivery)| delivery).collect(), lines }
    }

    /// Takes the next of a line whose first was taken, unless it has to be written alone.
    fn follower(&mut self, line: Line) -> Option<(i64, Delivery)> {
        let behind = self.behind.get_mut(&line)?;
        behind.waiting.front().filter(|(_, next)| next.lost == 0)?;
        let (place, next) = behind.waiting.pop_front()?;
        behind.bytes -= next.message.size();
        self.gone(&next);
        Some((place, next))
    }

    /// The one that may kill its worker, alone.
    pub fn suspect(&mut self) -> Option<Batch> {
        let (_, suspect) = self.suspects.pop_first()?;
        self.waiting -= 1;
        let line = Line::of(&suspect.message, self.ordered);
        self.stand_still(line);
        Some(Batch { deliveries: vec![suspect], lines: vec![line] })
    }

    /// Nothing more of this line is written for now.
    fn stand_still(&mut self, line: Line) {
        let Some(behind) = self.behind.get_mut(&line) else { return };
        if std::mem::replace(&mut behind.stand, Stand::Written) == Stand::Free {
            self.free -= behind.waiting.len();
            self.free_bytes -= behind.bytes;
        }
    }

    /// A batch is over: puts what was not written of it back to where it stood.
    pub fn put_back(&mut self, unwritten: Vec<Delivery>) {
        for delivery in unwritten.into_iter().rev() {
            let size = delivery.message.size();
            let line = Line::of(&delivery.message, self.ordered);
            let behind = self.behind.entry(line).or_default();
            self.first -= 1;
            self.waiting += 1;
            behind.bytes += size;
            behind.waiting.push_front((self.first, delivery));
        }
    }

    /// Takes all that waits behind a batch in one of its lines.
    pub fn take(&mut self, line: Line) -> Vec<Delivery> {
        let Some(behind) = self.behind.get_mut(&line) else { return Vec::new() };
        self.waiting -= behind.waiting.len();
        behind.bytes = 0;
        std::mem::take(&mut behind.waiting).into_iter().map(|(_, delivery)| delivery).collect()
    }

    /// Lets the lines of a batch that is over go on.
    pub fn go_on(&mut self, lines: Vec<Line>) {
        for line in lines {
            let Some(mut behind) = self.behind.remove(&line) else { continue };
            let Some((place, next)) = behind.waiting.pop_front() else { continue };
            behind.bytes -= next.message.size();
            self.offer(line, behind, place, next);
        }
    }

    /// Lets go of all that waits but for the first `keep` that need not be written alone.
    pub fn let_go(&mut self, keep: usize) -> Vec<Delivery> {
        let suspects = std::mem::take(&mut self.suspects).into_values();
        let mut gone: Vec<_> = suspects.collect();
        let mut all: Vec<_> = std::mem::take(&mut self.ready).into_iter().collect();
        for behind in self.behind.values_mut() {
            all.extend(behind.waiting.drain(..));
            behind.bytes = 0;
        }
        self.behind.retain(|_, behind| behind.stand == Stand::Written);
        (self.waiting, self.free, self.free_bytes) = Default::default();
        all.sort_unstable_by_key(|(place, _)| *place);
        for (place, delivery) in all {
            match self.waiting < keep && delivery.lost == 0 {
                true => self.enter(place, delivery),
                false => gone.push(delivery),
            }
        }
        gone
    }

    /// This one waits no more, and could have been written.
    fn gone(&mut self, delivery: &Delivery) {
        let size = delivery.message.size();
        self.waiting -= 1;
        self.free -= 1;
        self.free_bytes -= size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Receipt;

    /// `id@group`, and `!` behind what lost a lease.
    fn delivery(word: &str) -> Delivery {
        let (name, lost) = match word.strip_suffix('!') {
            Some(name) => (name, 1),
            None => (word, 0),
        };
        let (id, group) =
            name.split_once('@').map_or((name, None), |(id, group)| (id, Some(group)));
        let mut message = Message::new(id, "12345");
        message.group = group.map(str::to_owned);
        Delivery { message, attempts: None, lost, receipt: Receipt(word.to_owned()) }
    }

    fn lines(ordered: bool, words: &str) -> Lines {
        let mut lines = Lines::new(ordered);
        words.split_whitespace().for_each(|word| lines.push(delivery(word)));
        lines
    }

    fn ids(deliveries: &[Delivery]) -> String {
        let ids: Vec<_> = deliveries.iter().map(|it| it.message.id.as_str()).collect();
        ids.join(" ")
    }

    fn batch(lines: &mut Lines, max: usize) -> (String, Vec<Line>) {
        let batch = lines.batch(max, usize::MAX);
        (ids(&batch.deliveries), batch.lines)
    }

    #[test]
    fn a_group_is_in_one_batch_and_others_go_beside_it() {
        let mut lines = lines(true, "a1@a b1@b a2@a x a3@a b2@b");
        assert_eq!((lines.waiting(), lines.free()), (6, 6));
        let (first, a) = batch(&mut lines, 2);
        assert_eq!((&first[..], lines.free()), ("a1 a2", 3));
        let (second, others) = batch(&mut lines, 9);
        assert_eq!(second, "b1 x b2");
        assert_eq!((&batch(&mut lines, 9).0[..], lines.waiting()), ("", 1));
        lines.push(delivery("b3@b"));
        lines.go_on(others);
        lines.go_on(a);
        assert_eq!(batch(&mut lines, 9).0, "a3 b3");
        assert_eq!((lines.waiting(), lines.free(), lines.free_bytes()), (0, 0, 0));
    }

    #[test]
    fn without_an_order_only_the_same_id_waits() {
        let mut lines = lines(false, "1@g 2@g 1@h 3 1");
        for expected in ["1 2 3", "1", "1", ""] {
            let (ids, over) = batch(&mut lines, 9);
            assert_eq!(ids, expected);
            lines.go_on(over);
        }
        assert!(lines.behind.is_empty());
    }

    #[test]
    fn what_was_not_written_is_the_next_of_its_line() {
        let mut lines = lines(true, "1@g 2@g 3@g 4@g x");
        let Batch { mut deliveries, lines: over } = lines.batch(3, usize::MAX);
        lines.put_back(deliveries.split_off(1));
        assert_eq!((batch(&mut lines, 9).0, lines.waiting()), ("x".to_owned(), 3));
        lines.go_on(over);
        assert_eq!(batch(&mut lines, 9).0, "2 3 4");
    }

    #[test]
    fn a_suspect_is_alone_and_holds_up_its_line_only() {
        let mut lines = lines(true, "1@g 2@g! 3@g a! x");
        let (ids, over) = batch(&mut lines, 9);
        assert_eq!((&ids[..], lines.free(), lines.has_suspect()), ("1 x", 0, true));
        lines.go_on(over);
        let mut alone = || {
            let suspect = lines.suspect().map(|it| (it.deliveries[0].message.id.clone(), it.lines));
            suspect.map(|(id, over)| {
                lines.go_on(over);
                id
            })
        };
        assert_eq!([alone(), alone(), alone()], [Some("2".into()), Some("a".into()), None]);
        assert_eq!(batch(&mut lines, 9).0, "3");
    }

    #[test]
    fn what_is_let_go_leaves_the_oldest_and_what_is_being_written() {
        let mut lines = lines(true, "1@g 2@g 3@g s! s2 t@h u@h");
        let (_, over) = batch(&mut lines, 1);
        assert_eq!(ids(&lines.let_go(2)), "s s2 t u");
        assert_eq!((lines.waiting(), lines.free()), (2, 0));
        lines.go_on(over);
        assert_eq!((batch(&mut lines, 9).0, lines.free_bytes()), ("2 3".to_owned(), 0));
    }

    #[test]
    fn what_waits_behind_a_batch_can_be_taken() {
        let mut lines = lines(true, "1@g 2@g 3@g");
        let (_, over) = batch(&mut lines, 1);
        assert_eq!(ids(&lines.take(over[0])), "2 3");
        lines.go_on(over);
        assert!(lines.behind.is_empty() && lines.waiting() == 0);
    }

    #[test]
    fn a_batch_ends_with_its_bytes() {
        let mut lines = lines(true, "1@g 2@g 3@g x");
        let size = delivery("1@g").message.size();
        assert_eq!(lines.free_bytes(), 3 * size + size - 1);
        assert_eq!(ids(&lines.batch(9, size + 1).deliveries), "1 2");
    }
}
