//! Bodies chosen and reshaped between a source and the queue.

use crate::error::{Error, Kind, Result};
use crate::message::Message;
use crate::sources::{Batch, Fate, Source, Stop};
use crate::transform::{ShapedBody, Shaping, Transform};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;

/// After so many messages of a batch on which a program did not end, it is run on no more.
const PATIENCE: usize = 3;
/// Why a message is rejected on which a program did not end.
const OVERRUN: &str = "a program did not end on it within its time";

/// A source whose bodies are chosen and reshaped. A message of which several are made is `ID/1`,
/// `ID/2` and so on; one that cannot be reshaped is rejected. When a program did not end on one, the
/// rest of what was read ahead is rejected untried, and the run ends.
pub struct Reshaped {
    source: Box<dyn Source>,
    transform: Transform,
    /// What was read, and is being reshaped.
    current: Option<Current>,
    /// A program did not end on a message, which was told.
    told: bool,
    /// A program did not end on a message, which is still to be told.
    overrun: bool,
    /// What the messages of each batch became, for a source whose senders are told of theirs.
    origins: BTreeMap<u64, Vec<Origin>>,
}

/// What became of one message of the source.
enum Origin {
    /// The programs have left nothing to do for it.
    Settled(Fate),
    /// How many messages were made of it.
    Made(usize),
}

impl Origin {
    fn of(shape: &ShapedBody) -> Self {
        match shape {
            ShapedBody::Kept => Self::Made(1),
            ShapedBody::Filtered => Self::Settled(Fate::Queued),
            ShapedBody::Made(bodies) => Self::Made(bodies.len()),
            ShapedBody::Refused(why) => Self::Settled(Fate::Refused(why.clone())),
            ShapedBody::Overrun | ShapedBody::Unseen => {
                Self::Settled(Fate::Refused(OVERRUN.to_owned()))
            }
        }
    }

    /// What its sender is told, from what became of the messages that were made of it.
    fn fate(self, made: &mut impl Iterator<Item = Fate>) -> Fate {
        match self {
            Self::Settled(fate) => fate,
            Self::Made(count) => made.take(count).max().unwrap_or(Fate::Queued),
        }
    }
}

/// A batch that is being reshaped.
struct Current {
    batch: Batch,
    shaping: Shaping,
    shapes: Vec<ShapedBody>,
    overruns: usize,
}

impl Reshaped {
    /// Puts the programs behind a source.
    pub fn new(source: Box<dyn Source>, transform: Transform) -> Self {
        let origins = BTreeMap::new();
        Self { source, transform, current: None, told: false, overrun: false, origins }
    }

    async fn take_in(&mut self, tick: u64) -> Result<()> {
        if self.current.is_none()
            && let Some(batch) = self.source.read(tick).await?
        {
            let patience = if self.told { 0 } else { PATIENCE };
            self.current = Some(Current::begin(batch, &self.transform, patience));
        }
        Ok(())
    }
}

#[async_trait]
impl Source for Reshaped {
    async fn read(&mut self, tick: u64) -> Result<Option<Batch>> {
        if std::mem::take(&mut self.overrun) {
            self.told = true;
            return Err(overrun());
        }
        self.take_in(tick).await?;
        let Some(current) = &mut self.current else { return Ok(None) };
        current.end(&self.transform).await;
        self.overrun = current.overruns > 0 && !self.told;
        let Some(current) = self.current.take() else { return Ok(None) };
        if self.source.answers() {
            let origins = current.shapes.iter().map(Origin::of).collect();
            self.origins.insert(current.batch.number, origins);
        }
        Ok(Some(current.into_batch()))
    }

    fn told(&mut self, batch: u64, fates: Vec<Fate>) {
        let Some(origins) = self.origins.remove(&batch) else {
            return self.source.told(batch, fates);
        };
        let mut made = fates.into_iter();
        let fates = origins.into_iter().map(|origin| origin.fate(&mut made)).collect();
        self.source.told(batch, fates);
    }

    fn answers(&self) -> bool {
        self.source.answers()
    }

    async fn commit(&mut self, batch: u64) -> Result<()> {
        self.source.commit(batch).await
    }

    async fn flush(&mut self) -> Result<()> {
        self.source.flush().await
    }

    fn stop(&mut self, how: Stop) {
        self.source.stop(how);
    }

    fn nothing(&self) -> Option<String> {
        self.source.nothing()
    }
}

impl Current {
    /// Begins with a batch. `patience`: after so many overruns nothing more is tried.
    fn begin(batch: Batch, transform: &Transform, patience: usize) -> Self {
        let tried = if patience == 0 { &[][..] } else { &batch.messages };
        let shaping = transform.begin(tried);
        let overruns = PATIENCE - patience;
        Self { batch, shaping, shapes: Vec::new(), overruns }
    }

    /// Works to the end of the batch. Where this is dropped, it can be called again.
    async fn end(&mut self, transform: &Transform) {
        loop {
            let seen = self.shaping.end().await;
            let before = self.shapes.len();
            self.shapes.extend(seen.into_iter().take_while(|shape| *shape != ShapedBody::Unseen));
            self.overruns += usize::from(self.shapes.last() == Some(&ShapedBody::Overrun));
            let left = &self.batch.messages[self.shapes.len()..];
            if left.is_empty() {
                return;
            }
            if self.shapes.len() == before || self.overruns >= PATIENCE {
                let untried = ShapedBody::Refused("no program was run on it any more".to_owned());
                self.shapes.resize(self.batch.messages.len(), untried);
                return;
            }
            self.shaping = transform.begin(left);
        }
    }

    fn into_batch(self) -> Batch {
        let Self { mut batch, shapes, .. } = self;
        let messages = std::mem::take(&mut batch.messages);
        let mut lines = std::mem::take(&mut batch.lines).into_iter();
        for (message, shape) in messages.into_iter().zip(shapes) {
            let before = batch.messages.len();
            add(&mut batch, message, shape);
            let line = lines.next();
            let made = batch.messages.len() - before;
            batch.lines.extend(line.into_iter().flat_map(|line| std::iter::repeat_n(line, made)));
        }
        batch
    }
}

/// Adds to a batch what became of a message.
fn add(batch: &mut Batch, message: Message, shape: ShapedBody) {
    match shape {
        ShapedBody::Kept => batch.messages.push(message),
        ShapedBody::Filtered => batch.filtered += 1,
        ShapedBody::Made(bodies) => {
            batch.multiplied += bodies.len() - 1;
            batch.messages.extend(made(&message, bodies));
        }
        ShapedBody::Refused(why) => batch.rejected.push((message, why)),
        ShapedBody::Overrun | ShapedBody::Unseen => {
            batch.rejected.push((message, OVERRUN.to_owned()));
        }
    }
}

/// The messages that were made of one: where it is one only, it keeps its id.
fn made(message: &Message, bodies: Vec<Bytes>) -> impl Iterator<Item = Message> {
    let several = bodies.len() > 1;
    bodies.into_iter().zip(1..).map(move |(body, number)| {
        let id = if several { format!("{}/{number}", message.id) } else { message.id.clone() };
        Message { id, body, ..message.clone() }
    })
}

fn overrun() -> Error {
    Error::new(Kind::Unreachable, "a program does not end on a message")
        .because_of("`--where` or `--map` did not end within its time")
        .hint(
            "nothing is lost: the message was refused, and the rest is read by the next run; mend \
             the program, or give it more time with `--publish-timeout`",
        )
        .of_the_run()
}
