//! Opens the queue of a run, which waits for one that is not there yet where it follows.

use super::Subscribe;
use super::plan::Bounds;
use crate::cli::Context;
use crate::clock::at;
use crate::error::{Error, Result};
use crate::location::Location;
use crate::queues::{self, Options, Subscriber};
use crate::subscribe::Plan;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The pauses between two looks for a queue that is missing: a look at a service is a request.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(200))
    .with_max_delay(Duration::from_secs(5))
    .without_max_times();

/// The queue, and the run as planned by what it says.
type Opened = (Box<dyn Subscriber>, Plan);

impl Subscribe {
    /// Opens the queue, and plans the run by what it says. A run that follows waits for a queue that
    /// is missing; `None` where that came to an end without it.
    pub(super) async fn open_queue(
        &self,
        url: &Location,
        options: &Options,
        bounds: Bounds,
        context: &Context,
    ) -> Result<Option<Opened>> {
        let end = self.max_time.map(|time| Instant::now() + time);
        let missing = match self.try_to_open(url, options, bounds).await {
            Err(error) if self.follow && error.is_missing() => error,
            opened => return opened.map(Some),
        };
        tell(&missing);
        // A service that answers late holds up no end.
        tokio::select! {
            biased;
            opened = self.open_once_there(url, options, bounds) => opened.map(Some),
            () = context.signals.shutdown() => Ok(None),
            () = at(end) => Ok(None),
        }
    }

    /// Looks for the queue from time to time, until it is there.
    async fn open_once_there(
        &self,
        url: &Location,
        options: &Options,
        bounds: Bounds,
    ) -> Result<Opened> {
        let mut pauses = PAUSES.build();
        loop {
            sleep(pauses.next().expect("there is no end to the pauses")).await;
            match self.try_to_open(url, options, bounds).await {
                Err(error) if error.is_missing() => {}
                opened => return opened,
            }
        }
    }

    async fn try_to_open(
        &self,
        url: &Location,
        options: &Options,
        bounds: Bounds,
    ) -> Result<Opened> {
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
