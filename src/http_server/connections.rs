//! The connections that are open: at most so many, and none is kept for a client that stalls while
//! another one waits.

use slab::Slab;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// All open connections.
#[derive(Debug)]
pub(super) struct Connections {
    max: usize,
    open: Mutex<Slab<Slot>>,
    /// A connection has ended, or waits for its client.
    changed: Notify,
}

/// One of the connections that may be open. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Slot(Arc<State>);

#[derive(Debug)]
struct State {
    connections: Arc<Connections>,
    /// Since when the server waits for the client; `None` while the client waits for the server.
    waiting: Mutex<Option<Instant>>,
    evicted: CancellationToken,
    unread: AtomicBool,
}

impl Connections {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, open: Mutex::default(), changed: Notify::new() })
    }

    /// Gives a new connection a slot: a free one, else that of the client which has kept us waiting
    /// the longest, else the next that becomes one of these.
    pub(super) async fn admit(self: &Arc<Self>) -> OpenSlot {
        loop {
            if let Some(slot) = self.take_free() {
                return slot;
            }
            if !self.evict_stalest() {
                self.changed.notified().await;
            }
        }
    }

    fn take_free(self: &Arc<Self>) -> Option<OpenSlot> {
        let mut open = self.lock();
        (open.len() < self.max).then(|| {
            let waiting = Mutex::new(Some(Instant::now()));
            let (evicted, unread) = Default::default();
            let slot =
                Slot(Arc::new(State { connections: self.clone(), waiting, evicted, unread }));
            OpenSlot { key: open.insert(slot.clone()), slot }
        })
    }

    /// Ends the connection whose client has kept us waiting the longest; `false` where there is none.
    pub(super) fn evict_stalest(&self) -> bool {
        let mut open = self.lock();
        let waiting = open.iter().filter_map(|(key, slot)| Some((slot.waiting_since()?, key)));
        let Some((_, key)) = waiting.min() else { return false };
        open.remove(key).0.evicted.cancel();
        true
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Slot>> {
        self.open.lock().expect("no holder panics")
    }
}

impl Slot {
    fn waiting_since(&self) -> Option<Instant> {
        *self.0.waiting.lock().expect("no holder panics")
    }

    fn wait_since(&self, since: Option<Instant>) {
        *self.0.waiting.lock().expect("no holder panics") = since;
        if since.is_some() {
            self.0.connections.changed.notify_one();
        }
    }

    /// While this lives, the client waits for us, and its connection is not ended for another one.
    pub(super) fn waits_for_us(&self) -> Turn {
        self.wait_since(None);
        Turn { slot: self.clone(), of_client: false }
    }

    /// While this lives, we wait for the client.
    pub(super) fn waits_for_client(&self) -> Turn {
        self.wait_since(Some(Instant::now()));
        Turn { slot: self.clone(), of_client: true }
    }

    /// Resolves once another connection has this one's slot.
    pub(super) async fn evicted(&self) {
        self.0.evicted.cancelled().await;
    }

    /// Notes that part of what the client sends will not be read.
    pub(super) fn leave_unread(&self) {
        self.0.unread.store(true, Ordering::Relaxed);
    }

    /// Whether part of what the client sends is not read.
    pub(super) fn is_unread(&self) -> bool {
        self.0.unread.load(Ordering::Relaxed)
    }
}

/// Whose turn it is on a connection, until this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    slot: Slot,
    of_client: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.slot.wait_since((!self.of_client).then(Instant::now));
    }
}

/// A slot that is free again when this is dropped.
#[derive(Debug)]
pub(super) struct OpenSlot {
    key: usize,
    pub(super) slot: Slot,
}

impl Drop for OpenSlot {
    fn drop(&mut self) {
        // Of a connection that was ended for another one, the key is that one's by now.
        let connections = &self.slot.0.connections;
        let mut open = connections.lock();
        if open.get(self.key).is_some_and(|slot| Arc::ptr_eq(&slot.0, &self.slot.0)) {
            open.remove(self.key);
        }
        drop(open);
        connections.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn is_evicted(open: &OpenSlot) -> bool {
        open.slot.evicted().now_or_never().is_some()
    }

    #[tokio::test]
    async fn the_client_that_kept_us_waiting_the_longest_makes_room() {
        let connections = Connections::new(3);
        let [a, b, c] = [(); 3].map(|()| connections.admit().now_or_never().expect("it is free"));
        let turn = a.slot.waits_for_us();
        let d = connections.admit().now_or_never().expect("b makes room");
        assert_eq!([&a, &b, &c, &d].map(is_evicted), [false, true, false, false]);
        drop(b);
        drop(turn);
        let e = connections.admit().now_or_never().expect("c makes room");
        assert_eq!([&a, &c, &d, &e].map(is_evicted), [false, true, false, false]);
    }

    #[tokio::test]
    async fn who_is_being_served_stays_and_others_wait() {
        let connections = Connections::new(1);
        let first = connections.admit().now_or_never().expect("it is free");
        let turn = first.slot.waits_for_us();
        let reading = first.slot.waits_for_client();
        drop(reading);
        let mut second = Box::pin(connections.admit());
        assert!(second.as_mut().now_or_never().is_none(), "the first is being served");
        drop(turn);
        let second = second.await;
        assert_eq!([&first, &second].map(is_evicted), [true, false]);
        drop(first);
        let turn = second.slot.waits_for_us();
        let mut third = Box::pin(connections.admit());
        assert!(third.as_mut().now_or_never().is_none(), "the second has the slot");
        drop((turn, second));
        third.await;
    }
}
