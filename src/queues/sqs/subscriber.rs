//! Receiving from a queue.

use super::client::Queue;
use super::codec::Codec;
use super::error::{ErrorClass, ServiceError};
use super::name::Name;
use super::prefetch::{Lease, PrefetchBuffer};
use super::receivers::{Receivers, Shared};
use super::settle::{Obeyed, Order, SETTLING, seconds};
use crate::error::{Error, Kind, Result};
use crate::message::{Delivery, ID_ATTRIBUTE, Receipt};
use crate::queues::{
    Capabilities, Emptiness, Leases, Options, Receive, Select, Settled, Subscriber, Verdict,
};
use async_trait::async_trait;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

/// What giving back at the end may take.
const GIVING_BACK: Duration = Duration::from_secs(5);

/// A queue, opened for receiving.
pub(super) struct SqsSubscriber {
    shared: Arc<Shared>,
    receivers: usize,
    dead: Option<Name>,
    max_deliveries: Option<u32>,
    /// Started by `receive`, ended by `pause`: nothing is fetched before somebody wants it.
    running: Mutex<Option<Receivers>>,
}

/// What a subscriber must know of its queue.
pub(super) struct Reception {
    /// How many requests at once.
    pub(super) receivers: usize,
    /// Where dead letters go; `None` where none are made.
    pub(super) dead: Option<Name>,
    /// After how many receives the queue itself takes a message away.
    pub(super) max_deliveries: Option<u32>,
    /// Whether dead letters note from which queue the service moved them, and since when they were
    /// received there.
    pub(super) telling: bool,
}

impl SqsSubscriber {
    /// Prepares to receive; nothing is fetched yet.
    pub(super) fn new(
        queue: Arc<Queue>,
        codec: Codec,
        reception: Reception,
        options: &Options,
    ) -> Self {
        let in_flight = options.in_flight.min(options.max_messages.unwrap_or(usize::MAX)).max(1);
        let buffer = PrefetchBuffer::new(in_flight, options.in_flight_bytes);
        let time = (options.lease, options.clock.clone());
        let Reception { receivers, dead, max_deliveries, telling } = reception;
        let shared = Arc::new(Shared::new(queue, codec, time, buffer, telling));
        Self { shared, receivers, dead, max_deliveries, running: Mutex::default() }
    }

    /// What a verdict asks of the service. A message that is given back on a FIFO queue takes those
    /// with it that wait behind it in its group.
    fn order(&self, receipt: &Receipt, verdict: &Verdict, now: Instant) -> Step {
        let mut buffer = self.shared.buffer();
        if let Verdict::Bury(_) = verdict {
            // Kept, so that the caller can acknowledge it once the dead letter is published.
            return Step::Over(match buffer.lease(receipt, now) {
                Some(_) => Settled::Unknown("SQS buries nothing by itself".to_owned()),
                None => Settled::LeaseLost,
            });
        }
        let Some(lease) = buffer.remove(receipt, now) else {
            return Step::Over(Settled::LeaseLost);
        };
        let order = match verdict {
            Verdict::Retry { after, .. } => Order::Hide(seconds(*after, lease.since, now)),
            Verdict::Release => Order::Hide(0),
            Verdict::Ack | Verdict::Bury(_) => Order::Delete,
        };
        let stops = lease.group.filter(|_| order != Order::Delete);
        Step::Order { receipt: lease.receipt, order, stops }
    }

    async fn give_back(&self, leases: Vec<Lease>, time: Duration) -> Vec<Obeyed> {
        let orders = leases.into_iter().map(|lease| (lease.receipt, Order::Hide(0))).collect();
        self.shared.queue.obey(orders, time).await
    }

    /// The URL of the queue of dead letters, with the attribute that carries the ids there.
    fn dead_letters(&self) -> Option<String> {
        let url = self.dead.as_ref()?.url();
        Some(match self.shared.codec.id_attribute.as_str() {
            ID_ATTRIBUTE => url,
            name => format!("{url}?id-attribute={name}"),
        })
    }
}

/// The error for whoever asks for a tag.
pub(super) fn cannot_select(name: &Name) -> Error {
    Error::new(Kind::Configuration, format!("cannot select by tag from {name}"))
        .because_of("SQS gives whatever is there")
        .hint("publish each tag to a queue of its own")
}

enum Step {
    Over(Settled),
    Order { receipt: Receipt, order: Order, stops: Option<String> },
}

/// What became of a verdict.
pub(super) fn settled(obeyed: Obeyed) -> Settled {
    match obeyed {
        Ok(()) => Settled::Done,
        Err(error) if error.class == ErrorClass::NotInFlight => Settled::LeaseLost,
        Err(error) => Settled::Unknown(error.reason),
    }
}

/// Ends what a call of `receive` asks for, also where the call is dropped.
struct Asking<'s>(&'s Shared);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.buffer().ask(0, Instant::now());
    }
}

#[async_trait]
impl Subscriber for SqsSubscriber {
    /// Answers with nothing only where the service has done so, too. Fails once nothing will come any
    /// more, after what came before was handed out.
    async fn receive(&self, request: Receive) -> Result<Vec<Delivery>> {
        if request.select != Select::Any {
            return Err(cannot_select(&self.shared.queue.name));
        }
        let deadline = Instant::now() + request.wait;
        let shared = &self.shared;
        let _asking = Asking(shared);
        shared.buffer().ask(request.max, deadline);
        self.running.lock().await.get_or_insert_with(|| Receivers::start(shared, self.receivers));
        shared.wanted.notify_waiters();
        let before = shared.buffer().answers();
        loop {
            let arrived = shared.arrived.notified();
            let answered = {
                let mut buffer = shared.buffer();
                let out = buffer.deliver(request.limits(), Instant::now());
                if !out.is_empty() {
                    return Ok(out);
                }
                if let Some(error) = buffer.failed() {
                    return Err(error.to_error("cannot receive from", &shared.queue.name));
                }
                buffer.answers() > before || buffer.is_full() || buffer.is_backing_off()
            };
            // Before the service has answered nobody knows that there is nothing.
            if !answered {
                arrived.await;
            } else if timeout_at(deadline, arrived).await.is_err() {
                return Ok(Vec::new());
            }
        }
    }

    async fn settle(&self, batch: Vec<(Receipt, Verdict)>) -> Vec<Settled> {
        let now = Instant::now();
        let steps: Vec<_> =
            batch.iter().map(|(receipt, verdict)| self.order(receipt, verdict, now)).collect();
        let (mut answers, mut stopped) = (vec![None; steps.len()], HashSet::new());
        let (mut places, mut orders) = (Vec::new(), Vec::new());
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Over(settled) => answers[at] = Some(settled),
                Step::Order { receipt, order, stops } => {
                    stopped.extend(stops);
                    places.push(at);
                    orders.push((receipt, order));
                }
            }
        }
        let waiting = match stopped.is_empty() {
            true => Vec::new(),
            false => self.shared.buffer().remove_waiting(Some(&stopped), now),
        };
        let (obeyed, _) = tokio::join!(
            self.shared.queue.obey(orders, SETTLING),
            self.give_back(waiting, SETTLING)
        );
        for (at, obeyed) in places.into_iter().zip(obeyed) {
            answers[at] = Some(settled(obeyed));
        }
        self.shared.wanted.notify_waiters();
        answers.into_iter().map(|it| it.expect("each was ordered or over")).collect()
    }

    /// Where the last request for messages failed, one more is made: a queue that gives none looks
    /// empty.
    async fn ping(&self) -> Result<()> {
        if self.shared.buffer().last_failure().is_some() {
            // What comes is given back by `close`.
            let fetched = self.shared.fetch(1).await;
            let failed =
                |it: ServiceError| it.to_error("cannot receive from", &self.shared.queue.name);
            self.shared.buffer().recover(fetched.map_err(failed)?);
        }
        self.shared.queue.ping().await
    }

    async fn pause(&self) -> Result<()> {
        if let Some(receivers) = self.running.lock().await.take() {
            receivers.stop().await;
        }
        let waiting = {
            let mut buffer = self.shared.buffer();
            // Receiving that begins anew has not failed yet.
            buffer.forget_failure();
            buffer.remove_waiting(None, Instant::now())
        };
        warn_of(self.give_back(waiting, GIVING_BACK).await);
        Ok(())
    }

    async fn set_aside(&self, receipts: &[Receipt]) {
        let mut buffer = self.shared.buffer();
        receipts.iter().for_each(|receipt| buffer.set_aside(receipt));
    }

    fn leases(&self) -> Option<Arc<dyn Leases>> {
        Some(self.shared.clone())
    }

    async fn max_deliveries(&self) -> Result<Option<u32>> {
        Ok(self.max_deliveries)
    }

    /// The service counts every receive.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            buries: false,
            dead_letters: self.dead_letters(),
            release_counts: true,
            emptiness: Emptiness::Reported,
            selects_tags: false,
            ..Capabilities::default()
        }
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.pause().await?;
        let left = self.shared.buffer().remove_all(Instant::now());
        warn_of(self.give_back(left, GIVING_BACK).await);
        Ok(())
    }
}

/// Warns of what could not be given back: the service redelivers it when its lease ends.
fn warn_of(given_back: Vec<Obeyed>) {
    let failed: Vec<_> = given_back.into_iter().filter_map(Result::err).collect();
    if let Some(first) = failed.iter().find(|error| error.class != ErrorClass::NotInFlight) {
        let count = failed.len();
        tracing::warn!("{count} messages come again when their lease ends: {}", first.reason);
    }
}

#[async_trait]
impl Leases for Shared {
    /// Each lease ends one full lease time from now, at the latest 12 hours after it was received.
    async fn extend(&self, receipts: &[Receipt]) -> Result<()> {
        let now = Instant::now();
        let mut orders = Vec::new();
        {
            let buffer = self.buffer();
            for receipt in receipts {
                let Some(lease) = buffer.lease(receipt, now) else { continue };
                match seconds(self.lease, lease.since, now) {
                    0 => {}
                    time => orders.push((receipt.clone(), Order::Hide(time))),
                }
            }
        }
        let obeyed = self.queue.obey(orders.clone(), self.lease).await;
        let mut failed = None;
        for ((receipt, order), obeyed) in orders.iter().zip(obeyed) {
            match (obeyed, order) {
                (Ok(()), Order::Hide(time)) => {
                    let ends = now + Duration::from_secs(u64::try_from(*time).unwrap_or_default());
                    self.buffer().extend([receipt], ends);
                }
                // It was settled meanwhile, or is somebody else's: settling tells.
                (Err(error), _) if error.class == ErrorClass::NotInFlight => {}
                (Err(error), _) => failed = Some(error),
                (Ok(()), Order::Delete) => {}
            }
        }
        match failed {
            Some(error) => Err(error.to_error("cannot extend leases of", &self.queue.name)),
            None => Ok(()),
        }
    }
}
