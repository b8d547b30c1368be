//! Where messages leave the embedded queue.

use super::begun;
use super::claim::glance::Glance;
use super::claim::{Found, Look, Suspects};
use super::clock::{self, Now};
use super::create::open_to_receive;
use super::in_flight::{InFlight, lock};
use super::lease::{Claim, token};
use super::options::SqliteOptions;
use super::settle::{extend, settle};
use super::waiting::{LONGEST_WAIT, Looked};
use crate::clients::sqlite::Database;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::message::{Delivery, Receipt};
use crate::queues::{Leases, Options, Receive, Settled, Subscriber, Verdict};
use async_trait::async_trait;
use rusqlite::Connection;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Opens it for receiving.
pub async fn open_subscriber(url: Location, options: &Options) -> Result<Box<dyn Subscriber>> {
    let lease = clock::length(options.lease);
    if lease == 0 {
        return Err(Error::new(Kind::Configuration, "a lease of less than a millisecond is none")
            .hint("give `--lease` some seconds"));
    }
    let place = SqliteOptions::of(url, options)?;
    let (database, number) = open_to_receive(&place, options).await?;
    let queue = Queue { database, number, remember: place.remember, clock: options.clock.clone() };
    let in_order = !options.hold;
    Ok(Box::new(SqliteSubscriber { queue, lease, in_order, in_flight: Arc::default() }))
}

/// One queue of a file.
pub(super) struct Queue {
    pub(super) database: Arc<Database>,
    pub(super) number: i64,
    pub(super) remember: Duration,
    pub(super) clock: Clock,
}

impl Queue {
    /// Behind this, no look is on its way any more: a `receive` that was dropped may have left one,
    /// and what it leases is to be given back too.
    async fn settle_dropped_looks(&self) -> Result<()> {
        self.database.write(|_| Ok(())).await
    }

    /// Gives these back as if they had never been delivered.
    async fn release(&self, claims: Vec<Claim>) -> Result<()> {
        if claims.is_empty() {
            return Ok(());
        }
        let held: Vec<_> =
            claims.into_iter().map(|claim| (Some(claim), Verdict::Release)).collect();
        self.settle(held, Duration::ZERO).await.map(drop)
    }

    /// Carries out verdicts.
    async fn settle(
        &self,
        verdicts: Vec<(Option<Claim>, Verdict)>,
        remember: Duration,
    ) -> Result<Vec<Settled>> {
        let (number, clock) = (self.number, self.clock.clone());
        let settle = move |c: &_| settle(c, number, clock.millis(), remember, &verdicts);
        self.database.write(settle).await
    }

    /// Proves that the file can be written.
    pub(super) async fn ping(&self) -> Result<()> {
        self.database.write(|c| c.query_row("SELECT count(*) FROM queues", [], |_| Ok(()))).await
    }
}

/// Where messages leave.
struct SqliteSubscriber {
    queue: Queue,
    /// In milliseconds.
    lease: i64,
    /// What may kill its worker does not wait for the others.
    in_order: bool,
    in_flight: Arc<Mutex<InFlight>>,
}

#[async_trait]
impl Subscriber for SqliteSubscriber {
    async fn receive(&self, request: Receive) -> Result<Vec<Delivery>> {
        if request.max == 0 {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + request.wait.min(LONGEST_WAIT);
        let (mut waited, mut woken) = (false, false);
        loop {
            // Listen before looking: what comes between the two is heard.
            let changes = self.queue.database.changes();
            let stashed = self.in_flight().take(&request, self.queue.clock.monotonic());
            if !stashed.is_empty() {
                return Ok(stashed);
            }
            // Whoever has waited glances first: most wake for what another one gets.
            let looked = match waited {
                true => self.glance().await?,
                false => None,
            };
            let looked = match looked {
                Some(looked) => looked,
                None => self.look(request.clone()).await?,
            };
            let found = self.in_flight().take(&request, self.queue.clock.monotonic());
            if !found.is_empty() {
                self.queue.database.found();
                return Ok(found);
            }
            if woken {
                self.queue.database.found_nothing();
            }
            if !looked.more {
                if Instant::now() >= deadline {
                    return Ok(Vec::new());
                }
                woken = looked.wait(changes, &self.queue.clock, deadline).await;
                waited = true;
            }
        }
    }

    async fn begun(&self, receipts: &[Receipt]) -> Vec<Delivery> {
        self.note(receipts, begun::begin).await;
        Vec::new()
    }

    async fn interrupted(&self, receipts: &[Receipt]) {
        self.note(receipts, |c, claims| begun::end(c, claims).map(drop)).await;
    }

    async fn settle(&self, batch: Vec<(Receipt, Verdict)>) -> Vec<Settled> {
        let count = batch.len();
        let verdicts: Vec<_> =
            batch.into_iter().map(|(receipt, verdict)| (Claim::of(&receipt), verdict)).collect();
        let claims: Vec<_> = verdicts.iter().filter_map(|(claim, _)| *claim).collect();
        match self.queue.settle(verdicts, self.queue.remember).await {
            Ok(settled) => {
                self.in_flight().forget(&claims);
                settled
            }
            Err(error) => vec![Settled::Unknown(error.one_line()); count],
        }
    }

    async fn ping(&self) -> Result<()> {
        self.queue.ping().await
    }

    fn unreadable(&self) -> usize {
        self.in_flight().buried
    }

    async fn pause(&self) -> Result<()> {
        self.queue.settle_dropped_looks().await?;
        let unseen = self.in_flight().take_unseen();
        self.queue.release(unseen.clone()).await?;
        self.in_flight().forget(&unseen);
        Ok(())
    }

    fn leases(&self) -> Option<Arc<dyn Leases>> {
        let Queue { database, number, clock, .. } = &self.queue;
        let (database, clock) = (database.clone(), clock.clone());
        Some(Arc::new(Extender { database, queue: *number, clock, lease: self.lease }))
    }

    async fn close(self: Box<Self>) -> Result<()> {
        let mut given_back = self.queue.settle_dropped_looks().await;
        let left = self.in_flight().take_all();
        given_back = given_back.and(self.queue.release(left).await);
        self.queue.database.close().await.and(given_back)
    }
}

/// Makes the leases of one queue longer.
struct Extender {
    database: Arc<Database>,
    queue: i64,
    clock: Clock,
    /// In milliseconds.
    lease: i64,
}

#[async_trait]
impl Leases for Extender {
    async fn extend(&self, receipts: &[Receipt]) -> Result<()> {
        let claims: Vec<_> = receipts.iter().filter_map(Claim::of).collect();
        let (queue, clock, lease) = (self.queue, self.clock.clone(), self.lease);
        let extend = move |c: &_| {
            let now = clock::now(c, &clock)?;
            extend(c, queue, now, lease, &claims).map(drop)
        };
        self.database.write(extend).await
    }
}

impl SqliteSubscriber {
    fn in_flight(&self) -> MutexGuard<'_, InFlight> {
        lock(&self.in_flight)
    }

    /// When messages that may kill their worker have their turn now.
    fn suspects(&self) -> Suspects {
        match self.in_order {
            true => Suspects::InOrder,
            false if self.in_flight().turns.suspects_first(Instant::now()) => Suspects::First,
            false => Suspects::Last,
        }
    }

    /// Notes what is being worked on. Without the note the work goes on, and a lease that is lost
    /// does not count.
    async fn note(
        &self,
        receipts: &[Receipt],
        work: impl FnOnce(&Connection, &[Claim]) -> rusqlite::Result<()> + Send + 'static,
    ) {
        let claims: Vec<_> = receipts.iter().filter_map(Claim::of).collect();
        if let Err(error) = self.queue.database.note(move |c| work(c, &claims)).await {
            tracing::debug!("it is not noted what is worked on: {}", error.one_line());
        }
    }

    /// What a look would tell that finds nothing; `None` where it may find something.
    async fn glance(&self) -> Result<Option<Looked>> {
        let Queue { database, number, clock, .. } = &self.queue;
        let (queue, clock) = (*number, clock.clone());
        let look = move |c: &_| Ok((Glance::at(c, queue, &clock)?, clock.monotonic()));
        let (glance, monotonic) = database.look(look).await?;
        let Glance { promising, next, now } = glance;
        Ok((!promising).then(|| Looked::of(next, false, now, monotonic)))
    }

    /// Leases what is there into the stash, where it is safe if nobody waits for the answer any
    /// more.
    async fn look(&self, request: Receive) -> Result<Looked> {
        let Queue { number, clock, .. } = &self.queue;
        let (queue, clock, lease) = (*number, clock.clone(), self.lease);
        let in_flight = self.in_flight.clone();
        let suspects = self.suspects();
        let work = move |c: &_| {
            let (now, monotonic) = (clock::now(c, &clock)?, clock.monotonic());
            let token = token();
            let look =
                Look { queue, lease, token, suspects, counts_leases: false, request, group: None };
            look.run(c, now).map(|found| (now, monotonic, found))
        };
        let (answer, answered) = oneshot::channel();
        let keep = move |outcome: Result<(Now, i64, Found)>| {
            let looked = outcome.map(|(now, monotonic, found)| {
                let mut in_flight = lock(&in_flight);
                in_flight.keep(found.deliveries, monotonic.saturating_add(lease));
                in_flight.buried += found.buried;
                Looked::of(found.next, found.more, now, monotonic)
            });
            drop(answer.send(looked)); // nobody listens: the stash has it
        };
        // No lease is needed any more after a power cut, and none is held.
        self.queue.database.write_passing(work, keep);
        answered.await.unwrap_or_else(|_| {
            Err(Error::new(Kind::Bug, "the embedded queue's thread has stopped"))
        })
    }
}
