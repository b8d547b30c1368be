//! Telling the service what becomes of messages: by ten, and entry by entry.

use super::client::{PATIENCE, Queue, within};
use super::error::{ErrorClass, ServiceError};
use super::limits::{BATCH, LONGEST_LEASE};
use super::send::BACKOFF;
use crate::message::Receipt;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry as Change,
    DeleteMessageBatchRequestEntry as Deletion,
};
use backon::BackoffBuilder as _;
use futures_util::stream::{self, StreamExt as _};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Requests at once.
const AT_ONCE: usize = 8;

/// How long settling is tried again.
pub(super) const SETTLING: Duration = Duration::from_secs(10);

/// What is to become of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// The queue forgets it.
    Delete,
    /// A visibility timeout of so many seconds from now; zero gives it back.
    Hide(i32),
}

/// What became of an order; the error is why it was not carried out.
pub(super) type Obeyed = Result<(), ServiceError>;

impl Queue {
    /// Carries out orders, and answers in their order. What the service cannot do now is asked for
    /// again, until `time` is over.
    pub(super) async fn obey(&self, orders: Vec<(Receipt, Order)>, time: Duration) -> Vec<Obeyed> {
        let deadline = Instant::now() + time;
        let mut obeyed = vec![Ok(()); orders.len()];
        // A request is of one kind.
        let (deletions, changes): (Vec<_>, Vec<_>) =
            orders.into_iter().enumerate().partition(|(_, (_, order))| *order == Order::Delete);
        let batches = deletions.chunks(BATCH).chain(changes.chunks(BATCH));
        let batches: Vec<(Vec<_>, Vec<_>)> =
            batches.map(|batch| batch.iter().cloned().unzip()).collect();
        let answers: Vec<_> = stream::iter(batches)
            .map(async |(places, batch)| (places, self.obey_batch(batch, deadline).await))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (places, answers) in answers {
            places.into_iter().zip(answers).for_each(|(at, answer)| obeyed[at] = answer);
        }
        obeyed
    }

    async fn obey_batch(&self, batch: Vec<(Receipt, Order)>, deadline: Instant) -> Vec<Obeyed> {
        let mut obeyed: Vec<Obeyed> = vec![Ok(()); batch.len()];
        let mut pieces = VecDeque::from([(0..batch.len()).collect::<Vec<_>>()]);
        while let Some(mut open) = pieces.pop_front() {
            let mut backoff = BACKOFF.build();
            while !open.is_empty() {
                let error = match self.obey_once(&batch, &open, deadline).await {
                    Ok(failed) => {
                        open.retain(|at| failed.contains_key(at));
                        open.iter().for_each(|at| obeyed[*at] = Err(failed[at].clone()));
                        open.retain(|at| failed[at].may_pass());
                        open.first().map(|at| failed[at].clone())
                    }
                    Err(error) if !error.may_pass() && open.len() > 1 => {
                        // One of them may spoil it for the others.
                        open.drain(..).for_each(|at| pieces.push_back(vec![at]));
                        continue;
                    }
                    Err(error) => {
                        open.iter().for_each(|at| obeyed[*at] = Err(error.clone()));
                        Some(error)
                    }
                };
                let delay = backoff.next().expect("this backoff has no end");
                match error {
                    None => {}
                    Some(error) if error.may_pass() && Instant::now() + delay < deadline => {
                        tokio::time::sleep(delay).await;
                        open.iter().for_each(|at| obeyed[*at] = Ok(()));
                    }
                    Some(_) => break,
                }
            }
        }
        obeyed
    }

    /// One request for some of a batch; gives the entries that failed.
    async fn obey_once(
        &self,
        batch: &[(Receipt, Order)],
        open: &[usize],
        deadline: Instant,
    ) -> Result<HashMap<usize, ServiceError>, ServiceError> {
        let url = self.url().await?;
        let time = deadline.saturating_duration_since(Instant::now()).min(PATIENCE);
        let of = |at: &usize| (at.to_string(), &*batch[*at].0.0, &batch[*at].1);
        let failed = match batch[open[0]].1 {
            Order::Delete => {
                let entries = open.iter().map(of).map(|(id, handle, _)| deletion(id, handle));
                let request = self.client.delete_message_batch().queue_url(url);
                let request = request.set_entries(Some(entries.collect()));
                within(time, request.send()).await?.failed
            }
            Order::Hide(_) => {
                let entries = open.iter().map(of).map(|(id, handle, it)| change(id, handle, it));
                let request = self.client.change_message_visibility_batch().queue_url(url);
                let request = request.set_entries(Some(entries.collect()));
                within(time, request.send()).await?.failed
            }
        };
        Ok(failed.iter().filter_map(|it| Some((it.id.parse().ok()?, of_entry(it)))).collect())
    }
}

/// The error of an entry. A receipt handle that is none any more is told under several codes.
fn of_entry(entry: &BatchResultErrorEntry) -> ServiceError {
    let error = ServiceError::of_entry(entry);
    let words = error.reason.to_ascii_lowercase().replace(' ', "");
    match error.class {
        ErrorClass::Refused if words.contains("receipthandle") => {
            ServiceError { class: ErrorClass::NotInFlight, ..error }
        }
        _ => error,
    }
}

fn deletion(id: String, handle: &str) -> Deletion {
    let entry = Deletion::builder().id(id).receipt_handle(handle).build();
    entry.expect("it has an id and a handle")
}

fn change(id: String, handle: &str, order: &Order) -> Change {
    let seconds = if let Order::Hide(seconds) = order { *seconds } else { 0 };
    let entry = Change::builder().id(id).receipt_handle(handle).visibility_timeout(seconds);
    entry.build().expect("it has an id and a handle")
}

/// A visibility timeout in whole seconds, rounded up, and no longer than SQS has for what was received
/// at `since`.
pub(super) fn seconds(time: Duration, since: Instant, now: Instant) -> i32 {
    let left = LONGEST_LEASE.saturating_sub(now.duration_since(since));
    let whole = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    i32::try_from(whole.min(left.as_secs())).expect("12 hours at most")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_whole_and_end_with_the_twelfth_hour() {
        let now = Instant::now();
        let of = |millis, age: u64| {
            seconds(Duration::from_millis(millis), now, now + Duration::from_secs(age))
        };
        assert_eq!([of(0, 0), of(1, 0), of(1000, 0), of(1001, 0)], [0, 1, 1, 2]);
        assert_eq!([of(u64::MAX, 0), of(60_000, 43_190), of(60_000, 50_000)], [43_200, 10, 0]);
    }
}
