//! Documents written into a sink, batch by batch, until there are no more.

use crate::cli::signals::Signals;
use crate::cli::store::documents;
use crate::error::{Error, Kind, Result};
use crate::message::{Delivery, Receipt};
use crate::readings::Documents;
use crate::report::Counters;
use crate::sinks::{Outcome, Sink};
use crate::text::visible;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often a document is written that fails and may succeed later.
const ATTEMPTS: u32 = 4;

/// How long the sink is left alone after a failure, at first; then twice as long each time.
const PAUSE: Duration = Duration::from_millis(250);

/// What became of the documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    stored: u64,
    duplicates: u64,
    refused: u64,
}

impl Counts {
    pub(super) fn text(&self) -> String {
        let Self { stored, duplicates, refused } = self;
        format!("{stored} stored, {duplicates} duplicates, {refused} refused")
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let Self { stored, duplicates, refused } = self;
        serde_json::json!({"stored": stored, "duplicates": duplicates, "refused": refused})
    }

    /// Counts them as those of the run.
    pub(super) fn count_in(&self, counters: &Counters) {
        let Self { stored, duplicates, refused } = *self;
        let all = stored + duplicates + refused;
        let counts = [
            (&counters.read, all),
            (&counters.stored, stored),
            (&counters.duplicate, duplicates),
            (&counters.refused, refused),
        ];
        for (counter, by) in counts {
            counter.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Fails where the sink refused something.
    pub(super) fn refuse(&self) -> Result<()> {
        match self.refused {
            0 => Ok(()),
            count => Err(Error::new(Kind::Rejected, format!("{count} documents were refused"))
                .hint("the warnings above name each of them; all others are stored")),
        }
    }
}

/// An import that is under way.
pub(super) struct Copying<'a> {
    sink: &'a dyn Sink,
    signals: &'a Signals,
    pub(super) counts: Counts,
}

impl<'a> Copying<'a> {
    pub(super) fn new(sink: &'a dyn Sink, signals: &'a Signals) -> Self {
        Self { sink, signals, counts: Counts::default() }
    }

    /// Writes everything that comes, or until a signal; what was begun is finished.
    pub(super) async fn run(&mut self, coming: &mut Documents) -> Result<()> {
        self.sink.ping().await?;
        while self.signals.received().is_none() {
            let batch = documents::next(coming).await?;
            if batch.is_empty() {
                break;
            }
            let batch = batch.iter().map(|document| Delivery {
                message: documents::message(document),
                attempts: Some(1),
                lost: 0,
                receipt: Receipt("".into()),
            });
            self.write(batch.collect()).await?;
        }
        Ok(())
    }

    /// Writes a batch; what may succeed later is written again, each document alone, so that none
    /// takes its neighbours along.
    async fn write(&mut self, batch: Vec<Delivery>) -> Result<()> {
        let left = self.attempt(&batch).await?;
        for (delivery, why) in left {
            self.write_alone(delivery, why).await?;
        }
        Ok(())
    }

    async fn write_alone(&mut self, delivery: Delivery, mut why: String) -> Result<()> {
        for attempt in 1..ATTEMPTS {
            tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
            match self.attempt(std::slice::from_ref(&delivery)).await?.pop() {
                None => return Ok(()),
                Some((_, again)) => why = again,
            }
        }
        // Where the sink itself is gone, this says so; else it is the document that fails.
        self.sink.ping().await?;
        self.refuse(&delivery, &why);
        Ok(())
    }

    /// Writes deliveries once; gives those that may succeed later, with the reason.
    async fn attempt(&mut self, batch: &[Delivery]) -> Result<Vec<(Delivery, String)>> {
        let mut left = Vec::new();
        for (delivery, outcome) in batch.iter().zip(self.sink.write(batch).await) {
            if let Some(why) = self.settle(delivery, outcome)? {
                left.push((delivery.clone(), why));
            }
        }
        Ok(left)
    }

    /// Counts an outcome; gives the reason where the document is to be written again.
    fn settle(&mut self, delivery: &Delivery, outcome: Outcome) -> Result<Option<String>> {
        match outcome {
            Outcome::Stored => self.counts.stored += 1,
            Outcome::Duplicate | Outcome::Filtered => self.counts.duplicates += 1,
            Outcome::Reject(why) => self.refuse(delivery, &why),
            Outcome::Retry(why) | Outcome::ConnectionLost(why) | Outcome::Overrun(why) => {
                return Ok(Some(why));
            }
            Outcome::Unwritten => return Ok(Some("it was not written".to_owned())),
            Outcome::Throttled { why, .. } => return Ok(Some(why)),
            Outcome::Unavailable(why) => return Err(ended(Kind::Unreachable, &why)),
            Outcome::Denied(why) => return Err(ended(Kind::Credentials, &why)),
            Outcome::Closed => return Err(ended(Kind::Unreachable, "nobody reads it any more")),
        }
        Ok(None)
    }

    fn refuse(&mut self, delivery: &Delivery, why: &str) {
        self.counts.refused += 1;
        tracing::warn!("`{}` is refused: {why}", visible(delivery.message.id.as_bytes()));
    }
}

fn ended(kind: Kind, why: &str) -> Error {
    Error::new(kind, "the sink takes nothing")
        .because_of(why)
        .hint("once it does, run this again: what is stored already is not stored twice")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use async_trait::async_trait;
    use std::sync::Mutex;

    /// A sink that answers as it was told to.
    struct Scripted(Mutex<Vec<Vec<Outcome>>>);

    #[async_trait]
    impl Sink for Scripted {
        async fn ping(&self) -> Result<()> {
            Ok(())
        }

        async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
            let answer = self.0.lock().unwrap().remove(0);
            assert_eq!(answer.len(), batch.len());
            answer
        }

        fn ordered(&self) -> bool {
            false
        }

        async fn close(self: Box<Self>) -> Result<()> {
            Ok(())
        }
    }

    async fn write(answers: Vec<Vec<Outcome>>) -> (Result<()>, Counts) {
        let batch = (0..answers[0].len()).map(|id| Delivery {
            message: Message::new(id.to_string(), "{}"),
            attempts: Some(1),
            lost: 0,
            receipt: Receipt("".into()),
        });
        let batch = batch.collect();
        let sink = Scripted(Mutex::new(answers));
        let signals = Signals::listen().unwrap();
        let mut copying = Copying::new(&sink, &signals);
        let written = copying.write(batch).await;
        (written, copying.counts)
    }

    #[tokio::test(start_paused = true)]
    async fn each_document_has_an_end_of_its_own() {
        let lost = || Outcome::ConnectionLost("gone".to_owned());
        let (written, counts) = write(vec![
            vec![Outcome::Stored, lost(), Outcome::Duplicate, lost()],
            vec![lost()],
            vec![Outcome::Stored],
            vec![lost()],
            vec![lost()],
            vec![Outcome::Retry("again".to_owned())],
        ])
        .await;
        written.unwrap();
        assert_eq!(counts, Counts { stored: 2, duplicates: 1, refused: 1 });
        assert_eq!(counts.refuse().unwrap_err().kind(), Kind::Rejected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sink_that_takes_nothing_ends_it() {
        let unavailable = Outcome::Unavailable("no room".to_owned());
        let (written, counts) = write(vec![vec![Outcome::Stored, unavailable]]).await;
        let error = written.unwrap_err();
        assert_eq!((error.kind(), counts.stored), (Kind::Unreachable, 1));
        assert!(error.to_string().contains("no room"), "{error}");
    }
}
