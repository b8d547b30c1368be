//! `forward:QUEUE-URL`: another queue. What is drained out of one goes into the other, each message
//! with its id, body, attributes, group, tag and time.
//!
//! The shelves do not open one another: whoever opens this sink gives it a publisher.

use super::{Backend, Options, Outcome, Sink};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::message::{Delivery, Message};
use crate::queues::{Published, Publisher};
use async_trait::async_trait;
use std::sync::{Mutex, PoisonError};

/// A queue, as a sink.
pub struct Forward<'q> {
    queue: Box<dyn Publisher + 'q>,
    /// Why the queue last took nothing of a batch, or not all of it.
    failure: Mutex<Option<Error>>,
}

impl<'q> Forward<'q> {
    /// A sink that writes into this queue.
    pub fn to(queue: Box<dyn Publisher + 'q>) -> Self {
        Self { queue, failure: Mutex::default() }
    }

    /// Why the queue last did not take a message that it may take later.
    pub fn into_failure(self) -> Option<Error> {
        self.failure.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the queue's answer means for a message; `failure`: for all that it may take later.
    fn judge(answer: Published, failure: &mut Option<Error>) -> Outcome {
        match answer {
            Published::Accepted => Outcome::Stored,
            Published::Duplicate => Outcome::Duplicate,
            Published::Refused(why) => Outcome::Reject(why),
            // No attempt is spent on what the queue does not take for the moment: an outage
            // would make dead letters of good messages.
            Published::Retry(why) => {
                failure.get_or_insert_with(|| {
                    Error::new(Kind::Unreachable, "the queue did not take every message")
                        .because_of(&why)
                });
                Outcome::Unavailable(why)
            }
        }
    }
}

#[async_trait]
impl Sink for Forward<'_> {
    /// Asks the queue. A topic can be looked at while it takes no message: that shows at a write.
    async fn ping(&self) -> Result<()> {
        self.queue.ping().await
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let messages: Vec<Message> = batch.iter().map(|it| it.message.clone()).collect();
        let mut failure = None;
        let outcomes = match self.queue.publish(&messages).await {
            Ok(answers) => {
                answers.into_iter().map(|answer| Self::judge(answer, &mut failure)).collect()
            }
            Err(error) => {
                let why = Outcome::Unavailable(error.one_line());
                failure = Some(error);
                vec![why; batch.len()]
            }
        };
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        outcomes
    }

    /// Order matters: a group that is split over two batches must arrive in its order.
    fn ordered(&self) -> bool {
        true
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.queue.close().await
    }
}

/// The kind of sink that is another queue.
pub struct ForwardBackend;

#[async_trait]
impl Backend for ForwardBackend {
    fn parameters(&self) -> Vec<&'static str> {
        Vec::new()
    }

    async fn open(&self, url: Location, _options: &Options) -> Result<Box<dyn Sink>> {
        Err(needs_a_queue(&url))
    }

    fn is_a_queue(&self) -> bool {
        true
    }
}

/// The error for a shelf that is asked to open what it cannot.
fn needs_a_queue(url: &Location) -> Error {
    Error::new(Kind::Usage, format!("cannot open `{url}` here"))
        .because_of("a sink does not open queues")
        .hint("open the queue as a publisher, and give it to `Forward::to`")
}
