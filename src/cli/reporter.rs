//! What `--metrics` writes of a run of `publish`, `subscribe` or `store`: at its end, and as it goes on.

use super::metrics::{MetricsFile, QueueNumbers, RunNumbers};
use super::watched::Seen;
use super::{Context, Program};
use crate::clock::Clock;
use crate::error::Kind;
use crate::report::Summary;
use chrono::{DateTime, Utc};
use prometheus_client::registry::Registry;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// When a run that goes on is told of for the first time.
const SOON: Duration = Duration::from_secs(1);

/// How often it is told of after that: as often as Prometheus looks.
const EVERY: Duration = Duration::from_secs(15);

/// Writes the numbers of a run.
pub(super) struct Reporter {
    file: Option<MetricsFile>,
    started: Instant,
    done: Mutex<Done>,
}

/// How much was published or stored, and when that last was more than before.
#[derive(Default)]
struct Done {
    messages: u64,
    at: Option<DateTime<Utc>>,
}

impl Reporter {
    /// Reads what the file says; a program without one writes nothing.
    pub(super) fn of<P: Program>(program: &P) -> Self {
        let file = program.metrics().map(MetricsFile::open);
        Self { file, started: Instant::now(), done: Mutex::default() }
    }

    /// Writes from time to time; never returns.
    pub(super) async fn keep_writing<P: Program>(&self, context: &Context) {
        let mut pause = SOON;
        loop {
            tokio::time::sleep(pause).await;
            self.write::<P>(context, None).await;
            pause = EVERY;
        }
    }

    /// Writes how far the run is, or how it ended.
    pub(super) async fn write<P: Program>(&self, context: &Context, code: Option<u8>) {
        let (Some(file), Some(ends)) = (&self.file, context.ends.get()) else { return };
        let summary = context.counters.summary(self.started.elapsed());
        let now = Clock::system().now();
        let success = self.success(&summary, now, code);
        let summary = &summary;
        let mut registry = Registry::default();
        RunNumbers { program: P::PROGRAM, name: P::NAME, ends, summary, now, success, code }
            .register(&mut registry);
        if let Some(watched) = context.watched.get() {
            let Seen { queue: stats, spool } = watched.look().await;
            let (name, stats) = (watched.name.as_str(), stats.as_ref());
            QueueNumbers { program: P::NAME, queue: name, up: None, stats, spool }
                .register(&mut registry);
        }
        file.write(&registry);
    }

    /// When the run last went well.
    fn success(
        &self,
        summary: &Summary,
        now: DateTime<Utc>,
        code: Option<u8>,
    ) -> Option<DateTime<Utc>> {
        let mut done = self.done.lock().expect("no holder panics");
        let messages = summary.published + summary.stored + summary.duplicate;
        if messages > done.messages || code == Some(0) {
            *done = Done { messages, at: Some(now) };
        }
        // A signal ends a run that went well until then; whatever else is not 0 is no success.
        let signals = [Kind::HungUp, Kind::Interrupted, Kind::Terminated].map(Kind::code);
        done.at.filter(|_| code.is_none_or(|code| code == 0 || signals.contains(&code)))
    }
}
