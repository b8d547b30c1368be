//! `sqs:NAME`, or `sqs:` and a queue's own URL: Amazon SQS, through Amazon's own client.
//!
//! | parameter | publish | subscribe | means |
//! |---|---|---|---|
//! | `id-attribute=NAME` | yes | yes | the attribute that carries the message id, else `kakehi-id` |
//! | `receivers=N` | | yes | how many requests for messages at once, 1 to 64, else 3 |
//!
//! A name is looked up in the account and the region that the environment says, as AWS's own tools
//! read it; so is `AWS_ENDPOINT_URL`.
//!
//! A tag travels as the attribute `kakehi-tag`. What SQS cannot carry as it is travels as JSON in
//! the attribute `kakehi-more`: attributes beyond the tenth or of odd names, bodies that are empty
//! or no text (as base64), a time before which nothing is delivered. That time is kept by the
//! service for 15 minutes at most, and beyond that by our subscribers, each of whose looks counts as
//! a receive; other programs' subscribers do not know of it. Binary attributes of other publishers
//! come as base64.
//!
//! On a FIFO queue (`NAME.fifo`) a group is the message group, by its digest where SQS does not
//! take its name, and a message without one has a group of its own. The deduplication id is a
//! digest of id, content and hop: the same for a publisher's retries, and another one for each
//! death (a dead letter tells its time), each redrive, and each queue that it was forwarded from. No request holds two messages of one group:
//! they would change places where the service took the second one only. On a standard queue a group
//! travels as the attribute `kakehi-group`, and orders nothing.
//!
//! SQS cannot select by tag or keep a dead letter: these go to the queue of the redrive policy, else
//! to `NAME-dead`.

mod admin;
mod backend;
mod burial;
mod client;
mod codec;
mod error;
mod facts;
mod fifo;
mod identity;
mod inspector;
mod limits;
mod more;
mod name;
mod options;
mod prefetch;
mod preflight;
mod publisher;
mod receipts;
mod receivers;
mod send;
mod settle;
mod subscriber;
mod survey;
mod upkeep;

pub use backend::SqsBackend;

use super::{Options, Publisher, Subscriber};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use options::SqsOptions;
use settle::LONGEST;
use std::sync::Arc;
use std::time::Duration;
use subscriber::{Reception, SqsSubscriber};

/// The attribute under which a tag travels.
const TAG_ATTRIBUTE: &str = "kakehi-tag";
/// The attribute under which a group travels on a standard queue.
const GROUP_ATTRIBUTE: &str = "kakehi-group";
/// The attribute under which travels what SQS cannot carry as it is.
const MORE_ATTRIBUTE: &str = "kakehi-more";

/// The service's name in variables.
const SERVICE: &str = "SQS";

/// Opens a queue for publishing. Nothing is sent yet, unless it has to be created.
pub async fn open_publisher(url: Location, options: &Options) -> Result<Box<dyn Publisher>> {
    let parsed = SqsOptions::of(url)?;
    let queue = parsed.open(options).await?;
    let codec = parsed.codec(&parsed.name);
    Ok(Box::new(publisher::SqsPublisher::new(Arc::new(queue), codec, options)))
}

/// Opens a queue for receiving: asks how it is set up. Nothing is received before the first
/// `receive`.
pub async fn open_subscriber(url: Location, options: &Options) -> Result<Box<dyn Subscriber>> {
    let parsed = SqsOptions::of(url)?;
    check_lease(options.lease)?;
    let queue = parsed.open(options).await?;
    let setup = queue.look_if_allowed().await;
    let setup = setup.map_err(|error| error.to_error("cannot open", &queue.name))?;
    let set = Reception {
        receivers: parsed.receivers,
        dead: Some(queue.dead_letters(setup.as_ref())?),
        max_deliveries: setup.and_then(|setup| setup.redrive()).map(|policy| policy.limit),
        telling: false,
    };
    let codec = parsed.codec(&parsed.name);
    Ok(Box::new(SqsSubscriber::new(Arc::new(queue), codec, set, options)))
}

/// Refuses a lease that SQS does not have.
fn check_lease(lease: Duration) -> Result<()> {
    if lease >= Duration::from_secs(1) && lease <= LONGEST && lease.subsec_nanos() == 0 {
        return Ok(());
    }
    let what = format!("cannot lease messages for {}", humantime::format_duration(lease));
    Err(Error::new(Kind::Configuration, what)
        .because_of("SQS leases for whole seconds, up to 12 hours")
        .hint("ask for something from `1s` to `12h`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_sqs_does_not_have_is_refused() {
        for millis in [0, 500, 1500, 43_201_000] {
            let error = check_lease(Duration::from_millis(millis)).unwrap_err();
            assert_eq!(error.kind(), Kind::Configuration, "{millis}");
        }
        for seconds in [1, 30, 43_200] {
            assert!(check_lease(Duration::from_secs(seconds)).is_ok());
        }
    }
}
