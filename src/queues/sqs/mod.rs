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
//! death (a dead letter tells its time), each redrive, and each queue that it was forwarded from. No
//! request holds two messages of one group: they would change places where the service took the
//! second one only. On a standard queue a group travels as the attribute `kakehi-group`, and orders
//! nothing.
//!
//! SQS cannot select by tag or keep a dead letter: these go to the queue of the redrive policy, else
//! to `NAME-dead`.

mod admin;
mod backend;
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
mod server_dead_letters;
mod settle;
mod subscriber;
mod survey;

pub use backend::SqsBackend;

/// The attribute under which a tag travels.
const TAG_ATTRIBUTE: &str = "kakehi-tag";
/// The attribute under which a group travels on a standard queue.
const GROUP_ATTRIBUTE: &str = "kakehi-group";
/// The attribute under which travels what SQS cannot carry as it is.
const MORE_ATTRIBUTE: &str = "kakehi-more";

/// The service's name in variables.
const SERVICE: &str = "SQS";
