//! Dead letters of queues that do not bury by themselves: published to another queue, and only
//! then acknowledged.

use crate::clock::Clock;
use crate::error::Result;
use crate::location::Location;
use crate::message::{Delivery, Message};
use crate::queues::{self, Published, Publisher};
use tokio::sync::OnceCell;

/// Attributes that a dead letter carries beside its own.
const REASON: &str = "kakehi-dead-reason";
const ATTEMPTS: &str = "kakehi-dead-attempts";
const FROM: &str = "kakehi-dead-from";
const AT: &str = "kakehi-dead-at";
/// The longest attribute value that Pub/Sub takes, in bytes.
const LONGEST_VALUE: usize = 1024;

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
        let letter = self.letter(delivery, reason, &self.options.clock);
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

    fn letter(&self, delivery: &Delivery, reason: &str, clock: &Clock) -> Message {
        let mut letter = delivery.message.clone();
        letter.not_before = None;
        let attempts = delivery.attempts.map(|attempts| attempts.to_string());
        let facts = [
            (REASON, Some(shorten(reason).to_owned())),
            (ATTEMPTS, attempts),
            (FROM, Some(self.from.clone())),
            (AT, Some(clock.now().to_rfc3339())),
        ];
        for (name, value) in facts {
            if let Some(value) = value {
                letter.attributes.insert(name.to_owned(), value);
            }
        }
        letter
    }
}

fn shorten(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_VALUE)]
}
