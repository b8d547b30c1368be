//! One tick: the source is read to its end, and each batch published, kept or refused.

use super::gate::{Gate, Posted};
use super::plan::Show;
use super::run::Run;
use super::spool_fallback::SpoolFallback;
use crate::clock::at;
use crate::error::{Error, Kind, Result};
use crate::report::count;
use crate::sources::{Batch, Stop};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use std::sync::Arc;

impl Run<'_> {
    /// Reads one tick to its end, several batches on their way at once, and commits each that is
    /// safe. What waits in the spool is sent afterwards.
    pub(super) async fn tick(&mut self, tick: u64) -> Result<()> {
        self.tick = tick;
        let spool = self.plan.spool.as_ref().filter(|_| !self.plan.dry_run);
        let gate = Gate::new(spool.is_some()).for_senders(self.source.answers());
        let mut fallback = match spool {
            Some(spool) => Some(SpoolFallback::of(spool, &gate, self.plan, self.counters).await?),
            None => None,
        };
        let read = self.pass(&gate, &mut fallback).await;
        let read = read.and(self.source.flush().await);
        let Some(fallback) = fallback else { return read };
        let sent = fallback.end(self.queue, &self.stop).await;
        // Nothing of a batch that is in neither place was committed: that is to be told first.
        read.and(sent)
    }

    async fn pass(&mut self, gate: &Gate, fallback: &mut Option<SpoolFallback<'_>>) -> Result<()> {
        let mut sending = FuturesOrdered::new();
        let (mut ended, mut stopping) = (false, false);
        let mut failure: Option<Error> = None;
        let (queue, stop, tick) = (self.queue, self.stop.clone(), self.tick);
        loop {
            let reading = !ended && failure.is_none();
            let room = sending.len() < self.plan.in_flight;
            let again_at = fallback.as_ref().and_then(|fallback| fallback.again_at);
            tokio::select! {
                biased;
                Some(()) = sending.next() => if let Err(error) = self.settle(fallback).await {
                    failure = failure.or(self.outlived(error));
                },
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.source.stop(Stop::Finish);
                }
                () = at(again_at), if reading && !stopping && sending.is_empty() => {
                    if let Some(fallback) = fallback {
                        fallback.drain(queue, &stop).await;
                    }
                }
                read = self.source.read(tick), if reading && room => match read {
                    Ok(Some(batch)) => {
                        fail::fail_point!("publish-read");
                        match self.accept(batch) {
                            Ok(None) => {}
                            Ok(Some(posted)) => {
                                sending.push_back(async move { gate.send(queue, &posted).await });
                            }
                            Err(error) => failure = failure.take().or(Some(error)),
                        }
                    }
                    Ok(None) => ended = true,
                    Err(error) => failure = failure.take().or(Some(error)),
                },
            }
            if (ended || failure.is_some()) && sending.is_empty() {
                return failure.map_or(Ok(()), Err);
            }
        }
    }

    /// The failure that a batch ends the tick with: none, where who sent the messages was told.
    fn outlived(&self, error: Error) -> Option<Error> {
        if !self.source.answers() || error.kind() == Kind::Bug {
            return Some(error);
        }
        tracing::error!("messages were not taken, and who sent them is told: {}", error.one_line());
        None
    }

    /// Names what the source refused, and takes in the rest; nothing where nothing is to be done
    /// with it but to show it.
    pub(super) fn accept(&mut self, batch: Batch) -> Result<Option<Arc<Posted>>> {
        count(&self.counters.read, batch.read());
        count(&self.counters.filtered, batch.filtered);
        for (message, reason) in &batch.rejected {
            self.refuse(&format!("message `{}`", message.id), reason);
        }
        for refusal in &batch.refused {
            self.refuse(&refusal.position, &refusal.reason);
            // A line that a stop has cut is no fault of the line.
            if self.plan.spool.is_none() && refusal.raw.as_ref().is_some_and(|raw| raw.cut) {
                count(&self.counters.unpublished, 1);
                self.lost.add_piece(&refusal.position);
            }
        }
        if self.plan.dry_run {
            let show = self.plan.show.as_ref().filter(|_| !batch.messages.is_empty());
            return show.map_or(Ok(()), |Show(show)| show(&batch.messages)).map(|()| None);
        }
        let posted = Arc::new(Posted::new(batch));
        self.unsettled.push_back(posted.clone());
        Ok(Some(posted))
    }
}
