//! Dead letters of queues that do not bury by themselves: published to another queue, and only
//! then acknowledged. What that queue does not take is kept in the spool.

use crate::dead_letter::{self, Death};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::message::Message;
use crate::queues::{self, Published, Publisher};
use crate::spool::{self, Spool};
use tokio::sync::OnceCell;

/// The way to the queue of dead letters; opened when the first one comes.
pub struct DeadLetters {
    url: Option<String>,
    from: String,
    options: queues::Options,
    publisher: OnceCell<Box<dyn Publisher>>,
}

/// A message and its death.
pub(super) type Letter = (Message, Death);

impl DeadLetters {
    /// Dead letters of the queue `from` go to `url`; `None`: the queue buries them itself.
    pub fn new(url: Option<String>, from: String, options: queues::Options) -> Self {
        // A forgotten dead-letter queue must be seen, not made in silence by a later run.
        let options = queues::Options { create: false, ..options };
        Self { url, from, options, publisher: OnceCell::new() }
    }

    /// Whether they go to another queue.
    pub(super) fn are_published(&self) -> bool {
        self.url.is_some()
    }

    /// Where a person finds them, as the end of a clause.
    pub(super) fn look(&self) -> String {
        match self.url.as_deref().map(Location::parse) {
            Some(Ok(url)) => format!(" in `{url}`"),
            Some(Err(_)) => String::new(),
            None => ", see `queue dead list`".to_owned(),
        }
    }

    /// The death of a message, now.
    pub(super) fn death(&self, reason: String) -> Death {
        let at = Some(self.options.clock.now());
        Death { reason, attempts: None, first_at: None, at, from: Some(self.from.clone()) }
    }

    /// Keeps these, and answers per letter, in their order: the error is why it could not be kept.
    pub(super) async fn keep(&self, letters: &[Letter]) -> Vec<Result<(), String>> {
        let mut kept = self.publish(letters).await;
        let refused = |(at, one): (usize, &Kept)| matches!(one, Kept::Refused(_)).then_some(at);
        let refused: Vec<_> = kept.iter().enumerate().filter_map(refused).collect();
        if !refused.is_empty() {
            let left = refused.iter().map(|at| letters[*at].clone()).collect();
            let spooled = self.spool(left, kept[refused[0]].reason()).await;
            for at in refused {
                kept[at] = match &spooled {
                    Ok(()) => Kept::Yes,
                    Err(error) => Kept::NotNow(error.one_line()),
                };
            }
        }
        let told = |one: Kept| if let Kept::Yes = one { Ok(()) } else { Err(one.reason().into()) };
        kept.into_iter().map(told).collect()
    }

    async fn publish(&self, letters: &[Letter]) -> Vec<Kept> {
        let wrapped: Vec<_> =
            letters.iter().map(|(message, death)| dead_letter::wrap(message, death)).collect();
        let answers = match self.publisher.get_or_try_init(|| self.open()).await {
            Ok(publisher) => publisher.publish(&wrapped).await,
            Err(error) => Err(error),
        };
        match answers {
            Ok(answers) => answers.into_iter().map(Kept::of).collect(),
            // Of the whole queue: its topic is missing, or we may not publish there.
            Err(error) => vec![Kept::Refused(error.one_line()); letters.len()],
        }
    }

    /// Keeps letters in the spool's file, and says where.
    async fn spool(&self, letters: Vec<Letter>, why: &str) -> Result<()> {
        let place = queues::place(&Location::parse(&self.from)?, &self.options)?;
        if self.options.data_dir.as_os_str().is_empty() {
            return Err(Error::new(Kind::Configuration, "there is no folder for the spool")
                .because_of(why)
                .hint("set `HOME`"));
        }
        let spool = Spool::new(self.options.data_dir.join(spool::FILE), place, &self.options);
        spool.bury(&letters).await?;
        tracing::warn!(
            "{} dead letters are kept in the spool, see `queue dead list '{}'`: {why}",
            letters.len(),
            spool.url()?
        );
        Ok(())
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
}

/// What became of a dead letter.
#[derive(Clone)]
enum Kept {
    Yes,
    /// It was not taken now; the reason.
    NotNow(String),
    /// It will never be taken; the reason.
    Refused(String),
}

impl Kept {
    fn of(answer: Published) -> Self {
        match answer {
            Published::Accepted | Published::Duplicate => Self::Yes,
            Published::Retry(why) => Self::NotNow(why),
            Published::Refused(why) => Self::Refused(why),
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Yes => "",
            Self::NotNow(why) | Self::Refused(why) => why,
        }
    }
}
