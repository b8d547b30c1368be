//! Sending batches, entry by entry: what failed is sent again, alone, until its time is over.

use super::client::{PATIENCE, Queue, within};
use super::codec::SqsMessage;
use super::error::{ErrorClass, ServiceError};
use crate::queues::service_error::{Failure, Sent};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry as RequestEntry;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// The backoff between two tries of what the service could not take.
pub(super) const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(2))
    .with_jitter()
    .without_max_times();

/// A message on its way, and its place in the batch.
pub(super) struct Entry {
    pub(super) at: usize,
    pub(super) message: SqsMessage,
}

/// Sends a batch until each message is accepted, refused, or out of time.
pub(super) async fn send_batch(
    queue: &Queue,
    batch: Vec<Entry>,
    deadline: Instant,
) -> Vec<(usize, Sent)> {
    let mut sent = Vec::new();
    let mut pieces = VecDeque::from([batch]);
    while let Some(mut open) = pieces.pop_front() {
        let mut backoff = BACKOFF.build();
        while !open.is_empty() {
            let error = match send_once(queue, &open, deadline).await {
                Ok(failed) => settle(&mut open, &failed, &mut sent),
                Err(error) if error.class == ErrorClass::Refused && open.len() > 1 => {
                    // One of them spoils it: alone, it is found, and the others go on.
                    open.drain(..).rev().for_each(|entry| pieces.push_front(vec![entry]));
                    continue;
                }
                Err(error) => Some(error),
            };
            let Some(error) = error else { continue };
            let delay = backoff.next().expect("this backoff has no end");
            if !error.may_pass() || Instant::now() + delay >= deadline {
                let failed = |entry: Entry| (entry.at, Err(Failure::Service(error.clone())));
                sent.extend(open.drain(..).map(failed));
                continue;
            }
            tracing::debug!("{} messages are sent again: {}", open.len(), error.reason);
            tokio::time::sleep(delay).await;
        }
    }
    sent
}

/// Takes out what is accepted or refused; gives why the rest is to be sent again.
fn settle(
    open: &mut Vec<Entry>,
    failed: &HashMap<usize, ServiceError>,
    sent: &mut Vec<(usize, Sent)>,
) -> Option<ServiceError> {
    let mut again = None;
    open.retain(|entry| match failed.get(&entry.at) {
        Some(error) if error.may_pass() => {
            again = Some(error.clone());
            true
        }
        Some(error) => {
            sent.push((entry.at, Err(Failure::Service(error.clone()))));
            false
        }
        None => {
            sent.push((entry.at, Ok(())));
            false
        }
    });
    again
}

/// One request; gives the entries that failed. What the answer does not name counts as failed.
async fn send_once(
    queue: &Queue,
    batch: &[Entry],
    deadline: Instant,
) -> Result<HashMap<usize, ServiceError>, ServiceError> {
    let url = queue.url().await?;
    let entries = batch.iter().map(request_entry).collect();
    let request = queue.client.send_message_batch().queue_url(url).set_entries(Some(entries));
    let time = deadline.saturating_duration_since(Instant::now()).min(PATIENCE);
    let answer = within(time, request.send()).await?;
    let accepted: HashSet<_> = answer.successful.iter().map(|it| it.id.as_str()).collect();
    let failed: HashMap<_, _> = answer.failed.iter().map(|it| (it.id.as_str(), it)).collect();
    let unanswered =
        || ServiceError::new(ErrorClass::Busy, "the service's answer does not name it");
    Ok(batch
        .iter()
        .filter_map(|entry| {
            let id = entry.at.to_string();
            match failed.get(id.as_str()) {
                Some(failed) => Some((entry.at, ServiceError::of_entry(failed))),
                None if accepted.contains(id.as_str()) => None,
                None => Some((entry.at, unanswered())),
            }
        })
        .collect())
}

fn request_entry(entry: &Entry) -> RequestEntry {
    let message = &entry.message;
    RequestEntry::builder()
        .id(entry.at.to_string())
        .message_body(&message.body)
        .set_message_attributes(Some(message.attributes.clone()))
        .set_message_group_id(message.group.clone())
        .set_message_deduplication_id(message.deduplication.clone())
        .set_delay_seconds(message.delay)
        .build()
        .expect("it has an id and a body")
}
