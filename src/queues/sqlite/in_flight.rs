//! What one subscriber of an embedded queue has in flight.

use super::claim::selection::Taken;
use super::claim::turns::Turns;
use super::lease::Claim;
use crate::batch::BatchBuilder;
use crate::message::Delivery;
use crate::queues::{Receive, Select};
use foldhash::HashMap;
use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard};

/// What one subscriber has leased and not settled.
#[derive(Default)]
pub struct InFlight {
    /// The token of each message in flight, by its place in the file.
    tokens: HashMap<i64, i64>,
    /// Leased for a `receive` that has not taken them: it waits for its turn, or it was dropped.
    /// Until when it is ours, by the monotonic clock in milliseconds.
    stash: VecDeque<(Delivery, i64)>,
    /// Whose turn it is.
    pub turns: Turns,
    /// Messages that could not be delivered, and are dead letters now.
    pub buried: usize,
}

/// Locks it: no holder waits for anything.
pub fn lock(in_flight: &Mutex<InFlight>) -> MutexGuard<'_, InFlight> {
    in_flight.lock().expect("no holder of the deliveries panics")
}

impl InFlight {
    /// Keeps what was leased until then, for the next `take`.
    pub fn keep(&mut self, deliveries: Vec<Taken>, until: i64) {
        for Taken { claim, delivery, .. } in deliveries {
            self.tokens.insert(claim.seq, claim.token);
            self.stash.push_back((delivery, until));
        }
    }

    /// These are settled.
    pub fn forget(&mut self, claims: &[Claim]) {
        for claim in claims {
            if let Entry::Occupied(held) = self.tokens.entry(claim.seq)
                && *held.get() == claim.token
            {
                held.remove();
            }
        }
    }

    /// Takes out of the stash what a request asks for. What has waited there beyond its lease is
    /// not ours any more.
    pub fn take(&mut self, request: &Receive, now: i64) -> Vec<Delivery> {
        self.stash.retain(|(_, until)| now < *until);
        let Some((first, _)) = self.stash.front() else { return Vec::new() };
        let tag = match &request.select {
            Select::Any => None,
            Select::Tag(tag) => Some(Some(tag.clone())),
            Select::OldestTag => Some(first.message.tag.clone()),
        };
        let mut taken = BatchBuilder::new(request.limits());
        let mut rest = VecDeque::new();
        let mut full = false;
        for (delivery, until) in self.stash.drain(..) {
            let wanted = tag.as_ref().is_none_or(|tag| *tag == delivery.message.tag);
            let size = delivery.message.size();
            full |= !taken.has_room_for(1, size);
            if wanted && !full {
                taken.push(delivery, size);
            } else {
                rest.push_back((delivery, until));
            }
        }
        self.stash = rest;
        taken.into_content()
    }

    /// Takes what no `receive` has taken.
    pub fn take_unseen(&mut self) -> Vec<Claim> {
        let stash = std::mem::take(&mut self.stash);
        stash.iter().filter_map(|(delivery, _)| Claim::of(&delivery.receipt)).collect()
    }

    /// Takes everything.
    pub fn take_all(&mut self) -> Vec<Claim> {
        let tokens = std::mem::take(&mut self.tokens);
        tokens.into_iter().map(|(seq, token)| Claim { seq, token }).collect()
    }
}
