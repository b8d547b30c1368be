//! The streams that a subscription is read through: one task each, all into one channel.

use super::codec;
use super::error::ServiceError;
use super::rationed::rationed;
use crate::error::{Error, Kind, Result};
use crate::message::Message;
use crate::queues::Options;
use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use google_cloud_pubsub::client::Subscriber as Client;
use google_cloud_pubsub::subscriber::handler::Handler;
use google_cloud_pubsub::subscriber::{MessageStream, ShutdownBehavior, ShutdownToken};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, unconstrained};
use tokio_util::sync::CancellationToken;

/// The client extends leases for as long as it takes; this is as good as for ever.
const LONGEST_HOLD: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How many streams there are, and what each may hold.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) streams: usize,
    pub(super) lease: Duration,
    pub(super) in_flight: usize,
    in_flight_bytes: usize,
    max_messages: Option<usize>,
}

impl Plan {
    /// Divides what may be in flight among the streams. Where the run ends after some messages,
    /// one stream asks for no more than these, so that none is fetched to be given back.
    pub(super) fn new(streams: usize, options: &Options) -> Result<Self> {
        let lease = options.lease;
        if !(10..=600).contains(&lease.as_secs()) || lease.subsec_nanos() != 0 {
            let what = format!("cannot lease messages for {}", humantime::format_duration(lease));
            return Err(Error::new(Kind::Configuration, what)
                .because_of("Pub/Sub leases for whole seconds, 10 to 600")
                .hint("set `--lease` to something from `10s` to `10m`"));
        }
        let in_flight = options.in_flight.min(options.max_messages.unwrap_or(usize::MAX)).max(1);
        let streams = if options.max_messages.is_some() { 1 } else { streams.min(in_flight) };
        let in_flight_bytes = options.in_flight_bytes;
        let max_messages = options.max_messages;
        Ok(Self { streams, lease, in_flight, in_flight_bytes, max_messages })
    }

    /// What the stream of this number may hold: messages and bytes. Zero would mean no limit.
    fn share(&self, number: usize) -> (i64, i64) {
        let of = |whole: usize| {
            let more = usize::from(number < whole % self.streams);
            i64::try_from((whole / self.streams + more).max(1)).unwrap_or(i64::MAX)
        };
        (of(self.in_flight), of(self.in_flight_bytes))
    }
}

/// What a stream has brought.
pub(super) enum Incoming {
    Message(Message, Handler),
    /// The stream has ended for good.
    Failed(ServiceError),
}

/// Streams that are being read.
pub(super) struct Streams {
    pub(super) incoming: mpsc::Receiver<Incoming>,
    /// Keeps the channel open, so that a wait on it is a wait even when all streams have ended.
    _open: mpsc::Sender<Incoming>,
    stop: CancellationToken,
    /// Each gives, when it is stopped, what its stream had fetched and nobody has seen.
    readers: JoinSet<Vec<Handler>>,
    shutdowns: Vec<ShutdownToken>,
}

/// Streams that fetch nothing any more. Their clients extend the leases of what they brought, and
/// send what becomes of it, until all of it is settled.
pub(super) struct Paused {
    ended: BoxFuture<'static, ()>,
}

impl Paused {
    /// Whether all is settled and told to the service.
    pub(super) fn has_ended(&mut self) -> bool {
        (&mut self.ended).now_or_never().is_some()
    }

    /// Waits until all is settled and told to the service.
    pub(super) async fn ended(self) {
        self.ended.await;
    }
}

/// What every reader needs to know.
struct Reading {
    id_attribute: String,
    /// The subscription's name, for the ids of messages that came without one.
    subscription: String,
    out: mpsc::Sender<Incoming>,
    stop: CancellationToken,
    max_messages: Option<usize>,
}

impl Streams {
    /// Opens the streams: from here on messages are fetched.
    pub(super) fn start(
        client: &Client,
        path: &str,
        (id_attribute, subscription): (&str, &str),
        plan: &Plan,
    ) -> Self {
        // The service keeps to the limits of the streams, so that the channel is never full.
        let (out, incoming) = mpsc::channel(plan.in_flight);
        let stop = CancellationToken::new();
        let reading = Arc::new(Reading {
            id_attribute: id_attribute.to_owned(),
            subscription: subscription.to_owned(),
            out: out.clone(),
            stop: stop.clone(),
            max_messages: plan.max_messages,
        });
        let mut readers = JoinSet::new();
        let mut shutdowns = Vec::new();
        for number in 0..plan.streams {
            let (messages, bytes) = plan.share(number);
            let stream = client
                .subscribe(path)
                .set_max_lease(LONGEST_HOLD)
                .set_max_lease_extension(plan.lease)
                .set_max_outstanding_messages(messages)
                .set_max_outstanding_bytes(bytes)
                // The other behaviour would send all acknowledgements that are left in a single
                // request, which is refused where they are many.
                .set_shutdown_behavior(ShutdownBehavior::WaitForProcessing)
                .build();
            shutdowns.push(stream.shutdown_token());
            readers.spawn(reading.clone().read(stream));
        }
        Self { incoming, _open: out, stop, readers, shutdowns }
    }

    /// Ends the streams, and gives back what they have fetched and nobody has seen.
    pub(super) async fn pause(mut self) -> Paused {
        self.stop.cancel();
        let mut unseen = Vec::new();
        while let Some(fetched) = self.readers.join_next().await {
            unseen.extend(fetched.unwrap_or_default());
        }
        while let Ok(next) = self.incoming.try_recv() {
            if let Incoming::Message(_, handler) = next {
                unseen.push(handler);
            }
        }
        // Only now, when the streams have ended: what is given back while they are open comes
        // straight back through them.
        drop(unseen);
        let shutdowns = self.shutdowns;
        let ended = async move {
            join_all(shutdowns.iter().map(ShutdownToken::shutdown)).await;
        };
        Paused { ended: ended.boxed() }
    }
}

impl Reading {
    /// Reads one stream until it ends, is stopped, or has brought as many as the run wants. The
    /// stream is closed then and there: an open one would fetch more as soon as some are settled.
    async fn read(self: Arc<Self>, mut stream: MessageStream) -> Vec<Handler> {
        let mut left = self.max_messages.unwrap_or(usize::MAX);
        while left > 0 {
            let next = async { (self.out.reserve().await, rationed(stream.next()).await) };
            let (Ok(room), Some(next)) = (tokio::select! {
                biased;
                () = self.stop.cancelled() => return take_fetched(stream),
                next = next => next,
            }) else {
                return Vec::new();
            };
            left -= 1;
            room.send(match next {
                Ok((wire, handler)) => {
                    let message = codec::from_wire(wire, &self.id_attribute, &self.subscription);
                    Incoming::Message(message, handler)
                }
                Err(error) => {
                    left = 0;
                    Incoming::Failed(ServiceError::from(&error))
                }
            });
        }
        drop(take_fetched(stream));
        Vec::new()
    }
}

/// What the client of a stream has fetched and not given to us yet. It would extend those leases,
/// too, for as long as anything that we were given is not settled.
fn take_fetched(mut stream: MessageStream) -> Vec<Handler> {
    let mut fetched = Vec::new();
    while let Some(Some(Ok((_, handler)))) = unconstrained(stream.next()).now_or_never() {
        fetched.push(handler);
    }
    fetched
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(in_flight: usize, max_messages: Option<usize>, lease: Duration) -> Options {
        Options {
            lease,
            in_flight,
            in_flight_bytes: 1000,
            max_messages,
            ..Options::new(Default::default(), Default::default())
        }
    }

    #[test]
    fn the_streams_share_what_may_be_in_flight() {
        let lease = Duration::from_secs(30);
        let plan = Plan::new(4, &options(10, None, lease)).unwrap();
        let shares: Vec<_> = (0..4).map(|number| plan.share(number)).collect();
        assert_eq!(shares, [(3, 250), (3, 250), (2, 250), (2, 250)]);
        let plan = Plan::new(4, &options(2, None, lease)).unwrap();
        assert_eq!((plan.streams, plan.share(1)), (2, (1, 500)));
        let plan = Plan::new(4, &options(1000, Some(3), lease)).unwrap();
        assert_eq!((plan.streams, plan.share(0)), (1, (3, 1000)));
    }

    #[test]
    fn a_lease_that_pubsub_does_not_have_is_refused() {
        for millis in [5_000, 9_999, 10_500, 601_000] {
            let lease = Duration::from_millis(millis);
            let error = Plan::new(4, &options(1, None, lease)).unwrap_err();
            assert_eq!(error.kind(), Kind::Configuration, "{lease:?}");
        }
        for seconds in [10, 600] {
            assert!(Plan::new(4, &options(1, None, Duration::from_secs(seconds))).is_ok());
        }
    }
}
