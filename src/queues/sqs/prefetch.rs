//! The prefetch buffer: what was fetched and waits to be handed out, what was handed out and is in
//! flight, and how much more is wanted. Nothing is fetched that nobody asked for.

use super::error::ServiceError;
use super::limits::BATCH;
use crate::batch::{BatchBuilder, BatchLimits};
use crate::message::{Delivery, Message, Receipt};
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// The longest that the service waits for a message.
const LONGEST_POLL: Duration = Duration::from_secs(20);

/// The lease of one message.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) receipt: Receipt,
    /// When it was asked for: SQS leases for 12 hours from its receiving at most.
    pub(super) since: Instant,
    pub(super) ends: Instant,
    pub(super) group: Option<String>,
    pub(super) size: usize,
}

/// A message that was fetched.
pub(super) struct Fetched {
    pub(super) message: Message,
    pub(super) attempts: Option<u32>,
    pub(super) lease: Lease,
}

/// The messages of a queue that are leased by us, both those that wait to be handed out and those that
/// are in flight, and what is still wanted of the queue.
pub(super) struct PrefetchBuffer {
    waiting: VecDeque<Fetched>,
    in_flight: HashMap<Receipt, Lease>,
    /// What is in flight and takes no room; the leases of these have no size.
    aside: HashSet<Receipt>,
    /// The size of what waits and of what is in flight.
    bytes: usize,
    /// At most so many are ours, those on their way included.
    most: usize,
    /// Nothing more is fetched while so many bytes are ours.
    most_bytes: usize,
    /// How many the present call of `receive` wants; none while there is none.
    wanted_now: usize,
    /// How long it waits for them.
    until: Instant,
    /// Whether a request was made for it.
    looked: bool,
    /// When the last of the requests ends by itself.
    ends: Instant,
    /// How many the requests on their way may bring.
    fetching: usize,
    /// How many requests are on their way.
    polls: usize,
    /// How many requests were answered, or failed.
    answers: u64,
    /// Whether the last answer was empty: then one request at a time is enough to find out that more
    /// came.
    quiet: bool,
    /// Why the last request failed: the next one waits.
    last_failure: Option<ServiceError>,
    /// Why nothing will ever come.
    failed: Option<ServiceError>,
}

impl PrefetchBuffer {
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        let (waiting, in_flight, aside, failed) = Default::default();
        let (bytes, wanted_now, fetching, polls, answers) = Default::default();
        let (quiet, last_failure, looked) = Default::default();
        Self {
            waiting,
            in_flight,
            aside,
            bytes,
            most,
            most_bytes,
            wanted_now,
            until: Instant::now(),
            ends: Instant::now(),
            looked,
            fetching,
            polls,
            answers,
            quiet,
            last_failure,
            failed,
        }
    }

    /// Notes that a call of `receive` wants so many until then, beyond what was handed out.
    pub(super) fn ask(&mut self, max: usize, until: Instant) {
        (self.wanted_now, self.until, self.looked) = (max, until, false);
    }

    /// How long a request that is made now lets the service wait: whole seconds, and one at least,
    /// since without waiting it asks some of its machines only.
    pub(super) fn wait(&mut self, now: Instant) -> Duration {
        let wait = self.until.saturating_duration_since(now);
        let whole = Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        let wait = whole.clamp(Duration::from_secs(1), LONGEST_POLL);
        self.ends = self.ends.max(now + wait);
        wait
    }

    /// How long the requests on their way may still wait.
    pub(super) fn waits(&self, now: Instant) -> Duration {
        self.ends.saturating_duration_since(now)
    }

    /// How many requests were answered, or failed.
    pub(super) fn answers(&self) -> u64 {
        self.answers
    }

    /// Why nothing will ever come.
    pub(super) fn failed(&self) -> Option<&ServiceError> {
        self.failed.as_ref()
    }

    /// Whether no request is on its way, since the last one failed and the next one waits.
    pub(super) fn is_backing_off(&self) -> bool {
        self.last_failure.is_some() && self.polls == 0
    }

    /// Why the last request failed, where it did.
    pub(super) fn last_failure(&self) -> Option<&ServiceError> {
        self.last_failure.as_ref()
    }

    /// Notes that a request failed, and the next one waits. Tells whether the one before it had
    /// succeeded.
    pub(super) fn back_off(&mut self, error: ServiceError) -> bool {
        self.last_failure.replace(error).is_none()
    }

    /// Takes in what a request that succeeded has brought.
    pub(super) fn recover(&mut self, came: Vec<Fetched>) {
        self.last_failure = None;
        self.bytes += came.iter().map(|one| one.lease.size).sum::<usize>();
        self.waiting.extend(came);
    }

    /// Whether nothing more can be taken before something is settled.
    pub(super) fn is_full(&self) -> bool {
        self.counted() >= self.most || self.bytes >= self.most_bytes
    }

    /// How many were handed out and take room.
    fn counted(&self) -> usize {
        self.in_flight.len() - self.aside.len()
    }

    /// Keeps the lease of this one, which takes no room any more.
    pub(super) fn set_aside(&mut self, receipt: &Receipt) {
        if let Some(lease) = self.in_flight.get_mut(receipt)
            && self.aside.insert(receipt.clone())
        {
            self.bytes -= std::mem::take(&mut lease.size);
        }
    }

    /// Notes why nothing will ever come.
    pub(super) fn fail(&mut self, error: ServiceError) {
        self.failed.get_or_insert(error);
    }

    /// Forgets why nothing came, since receiving begins anew.
    pub(super) fn forget_failure(&mut self) {
        self.failed = None;
    }

    /// How many messages one more request shall bring; `None`: there must be none now.
    pub(super) fn claim(&mut self, now: Instant) -> Option<usize> {
        let ours = self.counted() + self.waiting.len() + self.fetching;
        let wanted = self.wanted_now.saturating_sub(self.waiting.len() + self.fetching);
        let count = wanted.min(self.most.saturating_sub(ours)).min(BATCH);
        let enough = self.quiet && self.polls > 0 || self.looked && now >= self.until;
        if count == 0 || enough || self.failed.is_some() || self.is_full() {
            return None;
        }
        self.looked = true;
        self.fetching += count;
        self.polls += 1;
        Some(count)
    }

    /// Takes in what a request that had claimed so many has brought; `None` where it failed.
    pub(super) fn arrive(&mut self, claimed: usize, came: Option<Vec<Fetched>>) {
        self.fetching -= claimed;
        self.polls -= 1;
        self.answers += 1;
        self.quiet = came.as_ref().is_none_or(Vec::is_empty);
        if let Some(came) = came {
            self.recover(came);
        }
    }

    /// Hands out what is there, up to these limits. What waited for so long that its lease has ended
    /// is somebody else's.
    pub(super) fn deliver(&mut self, limits: BatchLimits, now: Instant) -> Vec<Delivery> {
        let mut out = BatchBuilder::new(limits);
        while !out.is_full() {
            let Some(Fetched { message, attempts, lease }) = self.waiting.pop_front() else {
                break;
            };
            if lease.ends <= now {
                self.bytes -= lease.size;
                continue;
            }
            let (size, receipt) = (lease.size, lease.receipt.clone());
            self.in_flight.insert(receipt.clone(), lease);
            out.push(Delivery { message, attempts, lost: 0, receipt }, size);
        }
        self.wanted_now = self.wanted_now.saturating_sub(out.count());
        out.into_content()
    }

    /// The lease of what was handed out, where it has not ended.
    pub(super) fn lease(&self, receipt: &Receipt, now: Instant) -> Option<&Lease> {
        self.in_flight.get(receipt).filter(|lease| lease.ends > now)
    }

    /// Removes what was handed out; gives its lease, where that has not ended.
    pub(super) fn remove(&mut self, receipt: &Receipt, now: Instant) -> Option<Lease> {
        let lease = self.in_flight.remove(receipt)?;
        self.aside.remove(receipt);
        self.bytes -= lease.size;
        (lease.ends > now).then_some(lease)
    }

    /// Notes that these leases end then.
    pub(super) fn extend<'r>(
        &mut self,
        receipts: impl IntoIterator<Item = &'r Receipt>,
        ends: Instant,
    ) {
        for receipt in receipts {
            if let Some(lease) = self.in_flight.get_mut(receipt) {
                lease.ends = ends;
            }
        }
    }

    /// Removes what waits: all of it, or that of some groups, which must not overtake what is
    /// redelivered. Gives those leases that have not ended.
    pub(super) fn remove_waiting(
        &mut self,
        groups: Option<&HashSet<String>>,
        now: Instant,
    ) -> Vec<Lease> {
        let goes = |one: &Fetched| match (groups, &one.lease.group) {
            (None, _) => true,
            (Some(groups), Some(group)) => groups.contains(group),
            (Some(_), None) => false,
        };
        let (gone, stays): (VecDeque<_>, _) = self.waiting.drain(..).partition(goes);
        self.waiting = stays;
        self.bytes -= gone.iter().map(|one| one.lease.size).sum::<usize>();
        gone.into_iter().map(|one| one.lease).filter(|lease| lease.ends > now).collect()
    }

    /// Removes everything that was handed out. Gives those leases that have not ended.
    pub(super) fn remove_all(&mut self, now: Instant) -> Vec<Lease> {
        let in_flight = std::mem::take(&mut self.in_flight);
        self.aside.clear();
        self.bytes -= in_flight.values().map(|lease| lease.size).sum::<usize>();
        in_flight.into_values().filter(|lease| lease.ends > now).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(id: &str, group: Option<&str>, ends: Instant) -> Fetched {
        let message = Message::new(id, "12345");
        let lease = Lease {
            receipt: Receipt(id.into()),
            since: ends,
            ends,
            group: group.map(str::to_owned),
            size: message.size(),
        };
        Fetched { message, attempts: Some(1), lease }
    }

    fn ids(deliveries: &[Delivery]) -> Vec<&str> {
        deliveries.iter().map(|it| it.message.id.as_str()).collect()
    }

    fn limits(count: usize, bytes: usize) -> BatchLimits {
        BatchLimits { count, bytes }
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn nothing_is_fetched_that_nobody_asked_for_or_has_room_for() {
        let mut buffer = PrefetchBuffer::new(15, 1000);
        assert_eq!(buffer.claim(Instant::now()), None);
        buffer.ask(12, later());
        assert_eq!(
            [
                buffer.claim(Instant::now()),
                buffer.claim(Instant::now()),
                buffer.claim(Instant::now())
            ],
            [Some(10), Some(2), None]
        );
        buffer.arrive(2, Some(vec![fetched("a", None, later()), fetched("b", None, later())]));
        assert_eq!(buffer.claim(Instant::now()), None);
        buffer.arrive(10, Some(Vec::new()));
        assert_eq!(ids(&buffer.deliver(limits(9, 1000), Instant::now())), ["a", "b"]);
        buffer.ask(100, later());
        assert_eq!(
            [buffer.claim(Instant::now()), buffer.claim(Instant::now())],
            [Some(10), None],
            "one is enough to listen"
        );
        buffer.arrive(10, Some(vec![fetched("c", None, later())]));
        assert_eq!(
            [buffer.claim(Instant::now()), buffer.claim(Instant::now())],
            [Some(10), Some(2)],
            "15 may be in flight"
        );
    }

    #[test]
    fn nothing_is_fetched_beyond_the_time_of_asking_but_for_one_look() {
        let mut buffer = PrefetchBuffer::new(15, 1000);
        let now = Instant::now();
        buffer.ask(9, now);
        assert_eq!(buffer.claim(now), Some(9));
        buffer.arrive(9, Some(Vec::new()));
        assert_eq!(buffer.claim(now), None);
        buffer.ask(9, now);
        assert_eq!(buffer.claim(now), Some(9));
    }

    #[test]
    fn bytes_in_flight_hold_back_the_next_request() {
        let mut buffer = PrefetchBuffer::new(15, 10);
        buffer.ask(10, later());
        let claimed = buffer.claim(Instant::now()).unwrap();
        buffer
            .arrive(claimed, Some(vec![fetched("a", None, later()), fetched("b", None, later())]));
        assert_eq!(buffer.claim(Instant::now()), None);
        assert_eq!(buffer.deliver(limits(10, 1), Instant::now()).len(), 1);
        buffer.remove(&Receipt("a".into()), Instant::now());
        assert!(buffer.claim(Instant::now()).is_some());
    }

    #[test]
    fn what_a_lease_has_left_is_somebody_elses() {
        let mut buffer = PrefetchBuffer::new(15, 1000);
        let now = Instant::now();
        buffer.ask(9, later());
        buffer.claim(Instant::now());
        buffer.arrive(9, Some(vec![fetched("a", None, now), fetched("b", None, later())]));
        assert_eq!(ids(&buffer.deliver(limits(9, 1000), now)), ["b"]);
        let b = Receipt("b".into());
        assert!(buffer.lease(&b, now).is_some());
        buffer.extend([&b], now);
        assert!(buffer.remove(&b, now).is_none());
        assert_eq!(buffer.bytes, 0);
    }

    #[test]
    fn what_waits_of_a_group_is_removed_with_it() {
        let mut buffer = PrefetchBuffer::new(15, 1000);
        buffer.ask(9, later());
        buffer.claim(Instant::now());
        let came = [("1", Some("g")), ("2", Some("h")), ("3", None), ("4", Some("g"))];
        buffer.arrive(9, Some(came.map(|(id, group)| fetched(id, group, later())).into()));
        let groups = HashSet::from(["g".to_owned()]);
        let gone = buffer.remove_waiting(Some(&groups), Instant::now());
        assert_eq!(gone.len(), 2);
        assert_eq!(ids(&buffer.deliver(limits(9, 1000), Instant::now())), ["2", "3"]);
        assert_eq!(buffer.remove_all(Instant::now()).len(), 2);
        assert_eq!(buffer.bytes, 0);
    }
}
