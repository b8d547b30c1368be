//! Dead letters of queues that do not bury by themselves: published to another queue, and only
//! then acknowledged. What that queue does not take is kept in the spool.

use super::whereabouts::Whereabouts;
use crate::dead_letter::{self, Death};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::message::Message;
use crate::preflight::Standing;
use crate::queues::{self, Published, Publisher, Side};
use crate::spool::{self, Spool};
use std::sync::{Mutex, MutexGuard};
use tokio::sync::OnceCell;

/// At most this many letters wait for a place, leased and in memory; what is beyond them is given
/// back to the queue, which holds more.
const MOST_WAITING: usize = 100;

/// At most this many bytes of letters wait for a place.
const MOST_WAITING_BYTES: usize = 8 << 20;

/// The way to the queue of dead letters; opened when the first one comes.
pub struct DeadLetters {
    url: Option<String>,
    from: String,
    options: queues::Options,
    publisher: OnceCell<Box<dyn Publisher>>,
    whereabouts: Whereabouts,
    waiting: Mutex<Waiting>,
}

/// A message and its death.
pub(super) type Letter = (Message, Death);

/// What waits for a place.
#[derive(Default)]
struct Waiting {
    letters: usize,
    bytes: usize,
    /// Nothing was kept when it was last tried; why.
    down: Option<String>,
}

impl DeadLetters {
    /// Dead letters of the queue `from` go to `url`; `None`: the queue buries them itself.
    pub fn new(url: Option<String>, from: String, options: queues::Options) -> Self {
        // A forgotten dead-letter queue must be seen, not made in silence by a later run. What it
        // is given was received: what a service added to it is no fault of its publisher.
        let options = queues::Options { create: false, passes_on: true, ..options };
        let (publisher, whereabouts, waiting) = Default::default();
        Self { url, from, options, publisher, whereabouts, waiting }
    }

    /// Whether they go to another queue.
    pub(super) fn are_published(&self) -> bool {
        self.url.is_some()
    }

    /// Where a person finds those of this run, as the end of a clause.
    pub(super) fn look(&self) -> String {
        let spool = self.spool().and_then(|spool| spool.url()).ok();
        self.whereabouts.look(self.url.as_deref(), spool.as_deref(), &self.from)
    }

    /// The death of a message, now.
    pub(super) fn death(&self, reason: String) -> Death {
        let at = Some(self.options.clock.now());
        Death { reason, attempts: None, first_at: None, at, from: Some(self.from.clone()) }
    }

    /// Why no place took a letter when it was last tried: a new one waits with the others, and holds
    /// nobody up.
    pub(super) fn down(&self) -> Option<String> {
        self.waiting().down.clone()
    }

    /// Whether there is room for one more letter to wait for a place; if so, it is taken.
    pub(super) fn may_wait(&self, (message, _): &Letter) -> bool {
        let mut waiting = self.waiting();
        let fits = waiting.bytes + message.size() <= MOST_WAITING_BYTES || waiting.letters == 0;
        let room = waiting.letters < MOST_WAITING && fits;
        if room {
            waiting.letters += 1;
            waiting.bytes += message.size();
        }
        room
    }

    /// Forgets this many letters, of this many bytes together, which wait no more.
    pub(super) fn wait_no_more(&self, letters: usize, bytes: usize) {
        let mut waiting = self.waiting();
        waiting.letters -= letters;
        waiting.bytes -= bytes;
    }

    /// Keeps these, and answers per letter, in their order: the error is why it could not be kept.
    pub(super) async fn keep(&self, letters: &[Letter]) -> Vec<Result<(), String>> {
        let mut kept = self.publish(letters).await;
        self.whereabouts.published(kept.iter().filter(|one| matches!(one, Kept::Yes)).count());
        let refused = |(at, one): (usize, &Kept)| matches!(one, Kept::Refused(_)).then_some(at);
        let refused: Vec<_> = kept.iter().enumerate().filter_map(refused).collect();
        if !refused.is_empty() {
            let left = refused.iter().map(|at| letters[*at].clone()).collect();
            let spooled = self.keep_in_spool(left, kept[refused[0]].reason()).await;
            for at in refused {
                kept[at] = match &spooled {
                    Ok(()) => Kept::Yes,
                    Err(error) => kept[at].clone().and_not_in_spool(error),
                };
            }
        }
        let none = kept.iter().all(|one| !matches!(one, Kept::Yes));
        self.waiting().down = kept.first().filter(|_| none).map(|one| one.reason().to_owned());
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
    async fn keep_in_spool(&self, letters: Vec<Letter>, why: &str) -> Result<()> {
        let spool = self.spool()?;
        spool.bury(&letters).await?;
        self.whereabouts.spooled(letters.len());
        let kept = match letters.len() {
            1 => "1 dead letter is kept".to_owned(),
            count => format!("{count} dead letters are kept"),
        };
        let list = super::whereabouts::list(&spool.url()?);
        tracing::warn!("{kept} in the spool, see {list}: {why}");
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no holder of the count panics")
    }

    fn spool(&self) -> Result<Spool> {
        let key = queues::key(&Location::parse(&self.from)?, &self.options)?;
        if self.options.data_dir.as_os_str().is_empty() {
            return Err(Error::new(Kind::Configuration, "there is no folder for the spool")
                .because_of("neither `XDG_DATA_HOME` nor `HOME` is set")
                .hint("set `HOME`"));
        }
        Ok(Spool::new(self.options.data_dir.join(spool::FILE), key, &self.options))
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
        let url = Location::parse(url)?;
        // What is wrong there may not be told by publishing: a topic that nobody reads takes a
        // letter, and drops it.
        let findings = queues::preflight(url.clone(), Side::Into, &self.options).await?;
        if let Some(wrong) = findings.into_iter().find(|it| it.standing == Standing::Wrong) {
            return Err(Error::new(wrong.kind.unwrap_or(Kind::Configuration), wrong.what));
        }
        queues::open_publisher(url, &self.options).await
    }
}

/// What became of a dead letter.
#[derive(Clone)]
enum Kept {
    Yes,
    /// No place took it now, for this reason.
    NotNow(String),
    /// No place will ever take it, for this reason.
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

    /// The spool did not take it either.
    fn and_not_in_spool(self, spool: &Error) -> Self {
        Self::NotNow(format!("{}; and the spool: {}", self.reason(), spool.one_line()))
    }

    fn reason(&self) -> &str {
        match self {
            Self::Yes => "",
            Self::NotNow(why) | Self::Refused(why) => why,
        }
    }
}
