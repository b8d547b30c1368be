//! What waits for a write, in lanes: of one lane at most one batch is written at a time.
//!
//! Messages of a group are a lane where the sink keeps their order. Every other message is in the
//! lane of its id: two with one id are written one after the other, each in a batch of its own.

use crate::batch::{BatchBuilder, BatchLimits};
use crate::message::{Delivery, Message};
use foldhash::{HashMap, HashMapExt as _};
use slab::Slab;
use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher as _;
use std::sync::LazyLock;

/// Which messages must not be written side by side: those of a group, or those with an id. Known by a
/// digest, as every message has one. Should two names ever have the same, they only wait for one
/// another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lane {
    digest: u64,
    grouped: bool,
}

/// What digests depend on, so that nobody chooses names that wait for one another.
static DIGESTS: LazyLock<foldhash::quality::RandomState> = LazyLock::new(Default::default);

impl Lane {
    /// The lane of a message, for a sink that keeps the order within groups or does not.
    pub fn of(message: &Message, ordered: bool) -> Self {
        let of = |name: &str, grouped| Self { digest: DIGESTS.hash_one(name), grouped };
        match &message.group {
            Some(group) if ordered => of(group, true),
            _ => of(&message.id, false),
        }
    }
}

/// A batch, and the lanes that stand still until it is over.
pub struct Batch {
    pub deliveries: Vec<Delivery>,
    pub lanes: Vec<Lane>,
}

/// A delivery that waits, by what the lanes ask of it: what it carries is not moved.
#[derive(Clone, Copy)]
struct Waiting {
    position: i64,
    lane: Lane,
    /// In bytes.
    size: usize,
    lost: u32,
    /// Where the delivery is kept.
    key: usize,
}

/// How a lane stands.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// The first of it can be written, and what is behind that with it.
    #[default]
    Free,
    /// The first of it has to be written alone.
    Alone,
    /// Something of it is being written.
    Written,
}

/// What a lane has behind the first of it, or behind what is being written of it.
#[derive(Default)]
struct Behind {
    stand: Stand,
    waiting: VecDeque<Waiting>,
    bytes: usize,
}

/// Everything that waits for a write.
pub struct Lanes {
    ordered: bool,
    /// Where the next one comes in, behind all others or before them.
    last: i64,
    first: i64,
    deliveries: Slab<Delivery>,
    /// The first of each lane of which nothing is being written.
    ready: BTreeMap<i64, Waiting>,
    /// Those of them that may kill their worker; the least likely first.
    suspects: BTreeMap<(u32, i64), Waiting>,
    /// Every lane of which something waits or is being written.
    behind: HashMap<Lane, Behind>,
    /// How many of those that wait no lane holds up.
    free: usize,
    free_bytes: usize,
}

impl Lanes {
    /// Empty, for a sink that keeps the order within groups or does not.
    pub fn new(ordered: bool) -> Self {
        let (ready, suspects, behind) = (BTreeMap::new(), BTreeMap::new(), HashMap::new());
        let (last, first, deliveries, free, free_bytes) = Default::default();
        Self { ordered, last, first, deliveries, ready, suspects, behind, free, free_bytes }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.deliveries.len()
    }

    /// How many of them no lane holds up.
    pub fn free(&self) -> usize {
        self.free
    }

    /// How many bytes these have.
    pub fn free_bytes(&self) -> usize {
        self.free_bytes
    }

    /// Whether one waits that may kill its worker, and nothing before it in its lane.
    pub fn has_suspect(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// Puts this behind all others.
    pub fn push(&mut self, delivery: Delivery) {
        self.last += 1;
        let waiting = self.keep(self.last, delivery);
        self.enter(waiting);
    }

    fn keep(&mut self, position: i64, delivery: Delivery) -> Waiting {
        let (lane, size) = (Lane::of(&delivery.message, self.ordered), delivery.message.size());
        let lost = delivery.lost;
        Waiting { position, lane, size, lost, key: self.deliveries.insert(delivery) }
    }

    fn enter(&mut self, waiting: Waiting) {
        let Some(behind) = self.behind.get_mut(&waiting.lane) else {
            return self.offer(waiting, Behind::default());
        };
        behind.waiting.push_back(waiting);
        behind.bytes += waiting.size;
        if behind.stand == Stand::Free {
            self.free += 1;
            self.free_bytes += waiting.size;
        }
    }

    /// This one is the first of its lane now.
    fn offer(&mut self, first: Waiting, mut behind: Behind) {
        if first.lost > 0 {
            behind.stand = Stand::Alone;
            self.suspects.insert((first.lost, first.position), first);
        } else {
            behind.stand = Stand::Free;
            self.free += 1 + behind.waiting.len();
            self.free_bytes += first.size + behind.bytes;
            self.ready.insert(first.position, first);
        }
        self.behind.insert(first.lane, behind);
    }

    /// The next batch: at most `max` messages, ending when it holds `max_bytes`. As much of a lane
    /// comes as there is room for, so that other batches find other lanes.
    pub fn batch(&mut self, max: usize, max_bytes: usize) -> Batch {
        let mut taken = BatchBuilder::new(BatchLimits { count: max, bytes: max_bytes });
        let mut lanes = Vec::new();
        while !taken.is_full() {
            let Some((_, first)) = self.ready.pop_first() else { break };
            let lane = first.lane;
            taken.push(first, self.no_longer_free(first));
            while lane.grouped && !taken.is_full() {
                let Some(next) = self.follower(lane) else { break };
                taken.push(next, self.no_longer_free(next));
            }
            self.stand_still(lane);
            lanes.push(lane);
        }
        let mut taken = taken.into_content();
        taken.sort_unstable_by_key(|waiting| waiting.position);
        Batch { deliveries: taken.into_iter().map(|waiting| self.give(waiting)).collect(), lanes }
    }

    /// Takes the next of a lane whose first was taken, unless it has to be written alone.
    fn follower(&mut self, lane: Lane) -> Option<Waiting> {
        let behind = self.behind.get_mut(&lane)?;
        behind.waiting.front().filter(|next| next.lost == 0)?;
        let next = behind.waiting.pop_front()?;
        behind.bytes -= next.size;
        Some(next)
    }

    /// The one that may kill its worker, alone.
    pub fn suspect(&mut self) -> Option<Batch> {
        let (_, suspect) = self.suspects.pop_first()?;
        self.stand_still(suspect.lane);
        Some(Batch { deliveries: vec![self.give(suspect)], lanes: vec![suspect.lane] })
    }

    /// Nothing more of this lane is written for now.
    fn stand_still(&mut self, lane: Lane) {
        let Some(behind) = self.behind.get_mut(&lane) else { return };
        if std::mem::replace(&mut behind.stand, Stand::Written) == Stand::Free {
            self.free -= behind.waiting.len();
            self.free_bytes -= behind.bytes;
        }
    }

    /// A batch is over: puts what was not written of it back to where it stood.
    pub fn put_back(&mut self, unwritten: Vec<Delivery>) {
        for delivery in unwritten.into_iter().rev() {
            self.first -= 1;
            let waiting = self.keep(self.first, delivery);
            let behind = self.behind.entry(waiting.lane).or_default();
            behind.bytes += waiting.size;
            behind.waiting.push_front(waiting);
        }
    }

    /// Takes all that waits behind a batch in one of its lanes.
    pub fn take(&mut self, lane: Lane) -> Vec<Delivery> {
        let Some(behind) = self.behind.get_mut(&lane) else { return Vec::new() };
        behind.bytes = 0;
        let waiting = std::mem::take(&mut behind.waiting);
        waiting.into_iter().map(|waiting| self.give(waiting)).collect()
    }

    /// Lets the lanes of a batch that is over go on.
    pub fn go_on(&mut self, lanes: Vec<Lane>) {
        for lane in lanes {
            let Some(mut behind) = self.behind.remove(&lane) else { continue };
            let Some(next) = behind.waiting.pop_front() else { continue };
            behind.bytes -= next.size;
            self.offer(next, behind);
        }
    }

    /// Releases all that waits but for the first `keep` that need not be written alone.
    pub fn release(&mut self, keep: usize) -> Vec<Delivery> {
        let mut gone: Vec<_> = std::mem::take(&mut self.suspects).into_values().collect();
        let mut all: Vec<_> = std::mem::take(&mut self.ready).into_values().collect();
        for behind in self.behind.values_mut() {
            all.extend(behind.waiting.drain(..));
            behind.bytes = 0;
        }
        self.behind.retain(|_, behind| behind.stand == Stand::Written);
        (self.free, self.free_bytes) = Default::default();
        all.sort_unstable_by_key(|waiting| waiting.position);
        let mut kept = 0;
        for waiting in all {
            match kept < keep && waiting.lost == 0 {
                true => {
                    kept += 1;
                    self.enter(waiting);
                }
                false => gone.push(waiting),
            }
        }
        gone.into_iter().map(|waiting| self.give(waiting)).collect()
    }

    /// This one waits no more, and could have been written; gives its size.
    fn no_longer_free(&mut self, waiting: Waiting) -> usize {
        self.free -= 1;
        self.free_bytes -= waiting.size;
        waiting.size
    }

    fn give(&mut self, waiting: Waiting) -> Delivery {
        self.deliveries.remove(waiting.key)
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
        Delivery { message, attempts: None, lost, receipt: Receipt(word.into()) }
    }

    fn lanes(ordered: bool, words: &str) -> Lanes {
        let mut lanes = Lanes::new(ordered);
        words.split_whitespace().for_each(|word| lanes.push(delivery(word)));
        lanes
    }

    fn ids(deliveries: &[Delivery]) -> String {
        let ids: Vec<_> = deliveries.iter().map(|it| it.message.id.as_str()).collect();
        ids.join(" ")
    }

    fn batch(lanes: &mut Lanes, max: usize) -> (String, Vec<Lane>) {
        let batch = lanes.batch(max, usize::MAX);
        (ids(&batch.deliveries), batch.lanes)
    }

    #[test]
    fn a_group_is_in_one_batch_and_others_go_beside_it() {
        let mut lanes = lanes(true, "a1@a b1@b a2@a x a3@a b2@b");
        assert_eq!((lanes.waiting(), lanes.free()), (6, 6));
        let (first, a) = batch(&mut lanes, 2);
        assert_eq!((&first[..], lanes.free()), ("a1 a2", 3));
        let (second, others) = batch(&mut lanes, 9);
        assert_eq!(second, "b1 x b2");
        assert_eq!((&batch(&mut lanes, 9).0[..], lanes.waiting()), ("", 1));
        lanes.push(delivery("b3@b"));
        lanes.go_on(others);
        lanes.go_on(a);
        assert_eq!(batch(&mut lanes, 9).0, "a3 b3");
        assert_eq!((lanes.waiting(), lanes.free(), lanes.free_bytes()), (0, 0, 0));
    }

    #[test]
    fn without_an_order_only_the_same_id_waits() {
        let mut lanes = lanes(false, "1@g 2@g 1@h 3 1");
        for expected in ["1 2 3", "1", "1", ""] {
            let (ids, over) = batch(&mut lanes, 9);
            assert_eq!(ids, expected);
            lanes.go_on(over);
        }
        assert!(lanes.behind.is_empty());
    }

    #[test]
    fn what_was_not_written_is_the_next_of_its_line() {
        let mut lanes = lanes(true, "1@g 2@g 3@g 4@g x");
        let Batch { mut deliveries, lanes: over } = lanes.batch(3, usize::MAX);
        lanes.put_back(deliveries.split_off(1));
        assert_eq!((batch(&mut lanes, 9).0, lanes.waiting()), ("x".to_owned(), 3));
        lanes.go_on(over);
        assert_eq!(batch(&mut lanes, 9).0, "2 3 4");
    }

    #[test]
    fn a_suspect_is_alone_and_holds_up_its_line_only() {
        let mut lanes = lanes(true, "1@g 2@g! 3@g a! x");
        let (ids, over) = batch(&mut lanes, 9);
        assert_eq!((&ids[..], lanes.free(), lanes.has_suspect()), ("1 x", 0, true));
        lanes.go_on(over);
        let mut alone = || {
            let suspect = lanes.suspect().map(|it| (it.deliveries[0].message.id.clone(), it.lanes));
            suspect.map(|(id, over)| {
                lanes.go_on(over);
                id
            })
        };
        assert_eq!([alone(), alone(), alone()], [Some("2".into()), Some("a".into()), None]);
        assert_eq!(batch(&mut lanes, 9).0, "3");
    }

    #[test]
    fn what_is_released_leaves_the_oldest_and_what_is_being_written() {
        let mut lanes = lanes(true, "1@g 2@g 3@g s! s2 t@h u@h");
        let (_, over) = batch(&mut lanes, 1);
        assert_eq!(ids(&lanes.release(2)), "s s2 t u");
        assert_eq!((lanes.waiting(), lanes.free()), (2, 0));
        lanes.go_on(over);
        assert_eq!((batch(&mut lanes, 9).0, lanes.free_bytes()), ("2 3".to_owned(), 0));
    }

    #[test]
    fn what_waits_behind_a_batch_can_be_taken() {
        let mut lanes = lanes(true, "1@g 2@g 3@g");
        let (_, over) = batch(&mut lanes, 1);
        assert_eq!(ids(&lanes.take(over[0])), "2 3");
        lanes.go_on(over);
        assert!(lanes.behind.is_empty() && lanes.waiting() == 0);
    }

    #[test]
    fn a_batch_ends_with_its_bytes() {
        let mut lanes = lanes(true, "1@g 2@g 3@g x");
        let size = delivery("1@g").message.size();
        assert_eq!(lanes.free_bytes(), 3 * size + size - 1);
        assert_eq!(ids(&lanes.batch(9, size + 1).deliveries), "1 2");
    }
}
