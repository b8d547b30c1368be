//! Which runs come one after the other, and which at the same time.

use crate::message::Delivery;
use std::collections::{HashMap, HashSet, VecDeque};

/// Runs that come one after the other, each with the positions of its messages in the batch.
#[derive(Debug)]
pub struct Lane {
    runs: VecDeque<Vec<usize>>,
    /// Groups whose next message must wait: an earlier one was not stored.
    blocked: HashSet<String>,
}

/// Puts each group wholly into one lane, and fills a lane up to the size of a run before it begins
/// another. A message without a group is a group of its own.
pub fn of(batch: &[Delivery], per_run: usize) -> Vec<Lane> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (at, delivery) in batch.iter().enumerate() {
        let next = groups.len();
        let group = match delivery.message.group.as_deref() {
            Some(name) => *known.entry(name).or_insert(next),
            None => next,
        };
        match groups.get_mut(group) {
            Some(places) => places.push(at),
            None => groups.push(vec![at]),
        }
    }
    let mut lanes: Vec<Vec<usize>> = Vec::new();
    for group in groups {
        match lanes.last_mut() {
            Some(lane) if lane.len() < per_run => lane.extend(group),
            _ => lanes.push(group),
        }
    }
    lanes.into_iter().map(|places| Lane::new(places, per_run)).collect()
}

impl Lane {
    fn new(mut places: Vec<usize>, per_run: usize) -> Self {
        places.sort_unstable();
        let runs = places.chunks(per_run.max(1)).map(<[usize]>::to_vec).collect();
        Self { runs, blocked: HashSet::new() }
    }

    /// How many messages it has.
    pub fn len(&self) -> usize {
        self.runs.iter().map(Vec::len).sum()
    }

    /// The next run, without the messages of groups that are blocked.
    pub fn next(&mut self, batch: &[Delivery]) -> Option<Vec<usize>> {
        loop {
            let mut places = self.runs.pop_front()?;
            places.retain(|at| match &batch[*at].message.group {
                Some(group) => !self.blocked.contains(group),
                None => true,
            });
            if !places.is_empty() {
                return Some(places);
            }
        }
    }

    /// Has a run that failed done again, message by message, before all others.
    pub fn one_by_one(&mut self, places: Vec<usize>) {
        for at in places.into_iter().rev() {
            self.runs.push_front(vec![at]);
        }
    }

    /// Holds back what follows this message in its group, since it was not stored.
    pub fn hold_back_after(&mut self, at: usize, batch: &[Delivery]) {
        self.blocked.extend(batch[at].message.group.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Message, Receipt};

    /// A message per letter; `.` has no group.
    fn batch(groups: &str) -> Vec<Delivery> {
        let delivery = |(at, group): (usize, char)| {
            let mut message = Message::new(at.to_string(), "{}");
            message.group = (group != '.').then(|| group.to_string());
            Delivery { message, attempts: None, lost: 0, receipt: Receipt(at.to_string().into()) }
        };
        groups.chars().enumerate().map(delivery).collect()
    }

    fn runs(groups: &str, per_run: usize) -> Vec<Vec<Vec<usize>>> {
        of(&batch(groups), per_run).into_iter().map(|lane| lane.runs.into()).collect()
    }

    #[test]
    fn a_group_is_in_one_lane_and_in_order() {
        assert_eq!(
            runs("a.ba.b", 1),
            [vec![vec![0], vec![3]], vec![vec![1]], vec![vec![2], vec![5]], vec![vec![4]]]
        );
    }

    #[test]
    fn a_run_is_filled_before_another_begins() {
        assert_eq!(runs(".....", 2), [vec![vec![0, 1]], vec![vec![2, 3]], vec![vec![4]]]);
        assert_eq!(
            runs("ab.aaa.", 2),
            [vec![vec![0, 3], vec![4, 5]], vec![vec![1, 2]], vec![vec![6]]]
        );
    }

    #[test]
    fn after_a_message_that_was_not_stored_its_group_waits_and_others_go_on() {
        let batch = batch("ab.ab.");
        let mut lane = of(&batch, 6).remove(0);
        assert_eq!(lane.len(), 6);
        let all = lane.next(&batch).unwrap();
        lane.one_by_one(all);
        assert_eq!(lane.next(&batch), Some(vec![0]));
        lane.hold_back_after(0, &batch);
        let rest: Vec<_> = std::iter::from_fn(|| lane.next(&batch)).collect();
        assert_eq!(rest, [vec![1], vec![2], vec![4], vec![5]]);
    }
}
