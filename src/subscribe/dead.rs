//! Dead letters of queues that do not bury by themselves: published to another queue, and only
//! then acknowledged.

use crate::dead_letter::{self, Death};
use crate::error::Result;
use crate::location::Location;
use crate::message::{Delivery, Message};
use crate::queues::{self, Published, Publisher};
use tokio::sync::OnceCell;

/// The way to the queue of dead letters; opened when the first one comes.
pub struct DeadLetters {
    url: Option<String>,
    from: String,
    options: queues::Options,
    publisher: OnceCell<Box<dyn Publisher>>,
}

impl DeadLetters {
    /// Dead letters of the queue `from` go to `url`; `None` where the queue buries them itself.
    pub fn new(url: Option<String>, from: String, options: queues::Options) -> Self {
        // A forgotten dead-letter queue must be seen, not made in silence by a later run.
        let options = queues::Options { create: false, ..options };
        Self { url, from, options, publisher: OnceCell::new() }
    }

    /// Publishes one dead letter; the error is why it could not be kept.
    pub async fn keep(&self, delivery: &Delivery, reason: &str) -> Result<(), String> {
        let publisher = match self.publisher.get_or_try_init(|| self.open()).await {
            Ok(publisher) => publisher,
            Err(error) => return Err(error.one_line()),
        };
        let letter = self.letter(delivery, reason);
        match publisher.publish(std::slice::from_ref(&letter)).await {
            Ok(answers) => match answers.into_iter().next() {
                Some(Published::Accepted | Published::Duplicate) => Ok(()),
                Some(Published::Retry(why) | Published::Refused(why)) => Err(why),
                None => Err("the queue of dead letters did not answer".to_owned()),
            },
            Err(error) => Err(error.one_line()),
        }
    }

    /// Closes the way.
    pub async fn close(self) -> Result<()> {
        match self.publisher.into_inner() {
            Some(publisher) => publisher.close().await,
            None => Ok(()),
        }
    }

    async fn open(&self) -> Result<Box<dyn Publisher>> {
        let url = self.url.as_deref().expect("a queue that does not bury names its dead letters");
        queues::open_publisher(Location::parse(url)?, &self.options).await
    }

    fn letter(&self, delivery: &Delivery, reason: &str) -> Message {
        let death = Death {
            reason: reason.to_owned(),
            attempts: delivery.attempts,
            first_at: None,
            at: Some(self.options.clock.now()),
            from: Some(self.from.clone()),
        };
        dead_letter::wrap(&delivery.message, &death)
    }
}
