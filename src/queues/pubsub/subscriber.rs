//! Receiving from a subscription.

use super::admin::Admin;
use super::client::Connection;
use super::error::{ErrorClass, ServiceError};
use super::name::Name;
use super::streams::{Incoming, Paused, Plan, Streams};
use crate::batch::BatchBuilder;
use crate::error::{Error, Kind, Result};
use crate::message::{Delivery, Message, Receipt};
use crate::queues::{
    Capabilities, Emptiness, Leases, Receive, Select, Settled, Subscriber, Verdict,
};
use async_trait::async_trait;
use futures_util::future::join_all;
use google_cloud_pubsub::client::Subscriber as Client;
use google_cloud_pubsub::error::AckError;
use google_cloud_pubsub::subscriber::handler::{ExactlyOnce, Handler};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Instant, timeout, timeout_at};

/// How long `close` waits for the last acknowledgements to be answered.
const CLOSING: Duration = Duration::from_secs(10);

/// A subscription, opened for receiving.
pub(super) struct PubsubSubscriber {
    name: Name,
    id_attribute: String,
    plan: Plan,
    client: Client,
    connection: Connection,
    admin: OnceCell<Admin>,
    /// Started by `receive`, ended by `pause`: nothing is fetched before somebody wants it.
    streams: Mutex<Option<Streams>>,
    /// Streams that bring nothing any more, and end when what they brought is settled.
    paused: Mutex<Vec<Paused>>,
    in_flight: StdMutex<InFlight>,
    /// How many of those that the present streams brought take no room any more.
    aside: AtomicUsize,
    /// Why a stream has ended for good.
    failed: StdMutex<Option<ServiceError>>,
}

/// What was handed out and not settled.
#[derive(Default)]
struct InFlight {
    handlers: HashMap<Receipt, Handler>,
    last_number: u64,
}

impl InFlight {
    fn deliver(&mut self, message: Message, handler: Handler) -> Delivery {
        self.last_number += 1;
        let receipt = Receipt(self.last_number.to_string().into());
        let attempts = handler.delivery_attempt().and_then(|count| count.try_into().ok());
        self.handlers.insert(receipt.clone(), handler);
        Delivery { message, attempts, lost: 0, receipt }
    }
}

impl PubsubSubscriber {
    /// Prepares the client; nothing is sent yet.
    pub(super) async fn open(
        name: Name,
        id_attribute: String,
        connection: Connection,
        plan: Plan,
    ) -> Result<Self> {
        let mut builder = Client::builder().with_credentials(connection.credentials.clone());
        if let Some(endpoint) = &connection.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let client = builder.build().await.map_err(|cause| connection.cannot_build(cause))?;
        Ok(Self {
            name,
            id_attribute,
            plan,
            client,
            connection,
            admin: OnceCell::new(),
            streams: Mutex::default(),
            paused: Mutex::default(),
            in_flight: StdMutex::default(),
            aside: AtomicUsize::new(0),
            failed: StdMutex::default(),
        })
    }

    /// Starts the streams that bring the messages.
    fn start(&self) -> Streams {
        let ids = (self.id_attribute.as_str(), self.name.short());
        Streams::start(&self.client, &self.name.path(), ids, &self.plan)
    }

    async fn admin(&self) -> Result<&Admin> {
        self.admin.get_or_try_init(|| Admin::open(&self.connection)).await
    }

    fn in_flight(&self) -> MutexGuard<'_, InFlight> {
        self.in_flight.lock().expect("no holder of the handlers panics")
    }

    fn failed(&self) -> MutexGuard<'_, Option<ServiceError>> {
        self.failed.lock().expect("no holder of the failure panics")
    }

    fn cannot_select(&self) -> Error {
        Error::new(Kind::Configuration, format!("cannot select by tag from {}", self.name))
            .because_of("a subscription gives what its filter lets through")
            .hint("make one with `--message-filter='attributes.\"kakehi-tag\" = \"TAG\"'`")
    }

    /// The URL of the subscription of dead letters, with the attribute that carries the ids there.
    fn dead_letters(&self) -> String {
        let url = self.name.dead_letters_url();
        match self.id_attribute.as_str() {
            crate::message::ID_ATTRIBUTE => url,
            name => format!("{url}?id-attribute={}", encode(name)),
        }
    }

    /// Starts to carry out one verdict; an exactly-once acknowledgement is still to be confirmed.
    fn carry_out(&self, receipt: &Receipt, verdict: Verdict) -> Step {
        let mut in_flight = self.in_flight();
        if let Verdict::Bury(_) = verdict {
            // Kept, so that the caller can acknowledge it once the dead letter is published.
            return Step::Over(Settled::Unknown("Pub/Sub keeps no dead letters itself".to_owned()));
        }
        let Some(handler) = in_flight.handlers.remove(receipt) else {
            return Step::Over(Settled::LeaseLost);
        };
        match (verdict, handler) {
            (Verdict::Ack, Handler::ExactlyOnce(handler)) => return Step::Confirm(handler),
            (Verdict::Ack, handler) => handler.ack(),
            (_, handler) => handler.nack(),
        }
        Step::Over(Settled::Done)
    }

    /// Waits until the service confirms. After a lease's time nothing can be said any more.
    async fn confirm(&self, handler: ExactlyOnce) -> Settled {
        match timeout(self.plan.lease, handler.confirmed_ack()).await {
            Ok(Ok(())) => Settled::Done,
            Ok(Err(AckError::LeaseExpired | AckError::ShutdownBeforeAck)) => Settled::LeaseLost,
            Ok(Err(AckError::Rpc { source, .. })) => {
                let error = ServiceError::from(&*source);
                match error.class {
                    ErrorClass::Refused | ErrorClass::Misconfigured => Settled::LeaseLost,
                    _ => Settled::Unknown(error.reason),
                }
            }
            Ok(Err(other)) => Settled::Unknown(other.to_string()),
            Err(_) => Settled::Unknown(ServiceError::silence().reason),
        }
    }
}

enum Step {
    Over(Settled),
    Confirm(ExactlyOnce),
}

#[async_trait]
impl Subscriber for PubsubSubscriber {
    /// Fails once a stream has ended for good, after what it brought before was handed out.
    async fn receive(&self, request: Receive) -> Result<Vec<Delivery>> {
        if request.select != Select::Any {
            return Err(self.cannot_select());
        }
        let deadline = Instant::now() + request.wait;
        let Ok(mut streams) = timeout_at(deadline, self.streams.lock()).await else {
            return Ok(Vec::new());
        };
        let incoming = &mut streams.get_or_insert_with(|| self.start()).incoming;
        let mut deliveries = BatchBuilder::new(request.limits());
        // Nothing is awaited once something is in hand: a dropped call loses nothing.
        while !deliveries.is_full() {
            let next = match incoming.try_recv() {
                Ok(next) => next,
                Err(_) if !deliveries.is_empty() => break,
                Err(_) if self.failed().is_some() => break,
                Err(_) => match timeout_at(deadline, incoming.recv()).await {
                    Ok(Some(next)) => next,
                    Ok(None) | Err(_) => break,
                },
            };
            match next {
                Incoming::Message(message, handler) => {
                    let size = message.size();
                    deliveries.push(self.in_flight().deliver(message, handler), size);
                }
                Incoming::Failed(error) => *self.failed() = Some(error),
            }
        }
        match &*self.failed() {
            Some(error) if deliveries.is_empty() => {
                Err(error.to_error("cannot receive from", &self.name))
            }
            _ => Ok(deliveries.into_content()),
        }
    }

    async fn settle(&self, batch: Vec<(Receipt, Verdict)>) -> Vec<Settled> {
        let steps: Vec<_> =
            batch.into_iter().map(|(receipt, verdict)| self.carry_out(&receipt, verdict)).collect();
        join_all(steps.into_iter().map(async |step| match step {
            Step::Over(settled) => settled,
            Step::Confirm(handler) => self.confirm(handler).await,
        }))
        .await
    }

    async fn ping(&self) -> Result<()> {
        self.admin().await?.ping_subscription(&self.name).await
    }

    async fn pause(&self) -> Result<()> {
        let Some(streams) = self.streams.lock().await.take() else { return Ok(()) };
        self.aside.store(0, Ordering::Relaxed);
        let paused = streams.pause().await;
        // Streams that are started anew have not failed yet.
        *self.failed() = None;
        let mut all = self.paused.lock().await;
        all.retain_mut(|paused| !paused.has_ended());
        all.push(paused);
        Ok(())
    }

    /// A stream counts what it brought until that is settled: where what is set aside is half of what
    /// streams may bring, new streams are started in their stead.
    async fn set_aside(&self, receipts: &[Receipt]) {
        let aside = self.aside.fetch_add(receipts.len(), Ordering::Relaxed) + receipts.len();
        if aside >= self.plan.in_flight.div_ceil(2)
            && let Err(error) = self.pause().await
        {
            tracing::warn!("there is less room: {}", error.one_line());
        }
    }

    /// None: the client extends the lease of every message that it has given us until that is settled.
    fn leases(&self) -> Option<Arc<dyn Leases>> {
        None
    }

    async fn max_deliveries(&self) -> Result<Option<u32>> {
        self.admin().await?.max_deliveries(&self.name).await
    }

    /// Where the subscription has a dead-letter policy the service counts every delivery, and
    /// without one nothing counts: what a release costs is the worse of the two.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            delays: false,
            buries: false,
            dead_letters: Some(self.dead_letters()),
            release_counts: true,
            emptiness: Emptiness::Unknown,
            selects_tags: false,
            ..Capabilities::default()
        }
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.pause().await?;
        let Self { name, paused, in_flight, .. } = *self;
        // A handler that is dropped gives its message back, and a stream has ended when it has no
        // handler any more.
        drop(in_flight);
        let ended = join_all(paused.into_inner().into_iter().map(Paused::ended));
        timeout(CLOSING, ended).await.map(drop).map_err(|_| {
            ServiceError::silence()
                .to_error("cannot send the last acknowledgements to", &name)
                .hint("what they were for may come again, under the same ids")
        })
    }
}

fn encode(text: &str) -> impl std::fmt::Display + '_ {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}
