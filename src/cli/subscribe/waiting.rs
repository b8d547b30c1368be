//! Opens the queue of a run, which waits for one that is not there yet where it follows.

use super::Subscribe;
use super::plan::Bounds;
use crate::cli::Context;
use crate::error::{Error, Result};
use crate::location::Location;
use crate::queues::{self, Options, Subscriber};
use crate::subscribe::Plan;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The pauses between two looks for a queue that is missing: a look at a service is a request.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(200))
    .with_max_delay(Duration::from_secs(5))
    .without_max_times();

impl Subscribe {
    /// Opens the queue, and plans the run by what it says. A run that follows waits for a queue that
    /// is missing; `None` where that came to an end without it.
    pub(super) async fn open_queue(
        &self,
        url: &Location,
        options: &Options,
        bounds: Bounds,
        context: &Context,
    ) -> Result<Option<(Box<dyn Subscriber>, Plan)>> {
        let end = self.max_time.map(|time| Instant::now() + time);
        let mut pauses = PAUSES.build();
        let mut told = false;
        loop {
            // A service that answers late holds up no end, once it was told what is waited for.
            let opened = tokio::select! {
                opened = self.try_to_open(url, options, bounds) => opened,
                () = context.signals.shutdown(), if told => return Ok(None),
                () = sleep_until(end.unwrap_or_else(Instant::now)), if told && end.is_some() => {
                    return Ok(None);
                }
            };
            let missing = match opened {
                Err(error) if self.follow && error.is_missing() => error,
                opened => return opened.map(Some),
            };
            if !std::mem::replace(&mut told, true) {
                tell(&missing);
            }
            let pause = Instant::now() + pauses.next().expect("there is no end to the pauses");
            tokio::select! {
                () = context.signals.shutdown() => return Ok(None),
                () = sleep_until(end.map_or(pause, |end| end.min(pause))) => {}
            }
            if end.is_some_and(|end| end <= Instant::now()) {
                return Ok(None);
            }
        }
    }

    async fn try_to_open(
        &self,
        url: &Location,
        options: &Options,
        bounds: Bounds,
    ) -> Result<(Box<dyn Subscriber>, Plan)> {
        let queue = queues::open_subscriber(url.clone(), options).await?;
        match self.plan(&*queue, bounds).await {
            Ok(plan) => Ok((queue, plan)),
            // That it is missing is to be told, whatever becomes of the rest.
            Err(error) => queue.close().await.and(Err(error)),
        }
    }
}

fn tell(missing: &Error) {
    let hint = missing.remedy().map(|hint| format!(" ({hint})")).unwrap_or_default();
    tracing::warn!("waiting for the queue to appear: {}{hint}", missing.one_line());
}
