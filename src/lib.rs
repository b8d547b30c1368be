//! Publish/subscribe pipelines that lose nothing and store nothing twice.
//!
//! `publish` pours a **source** into a **queue**. `subscribe` drains a **queue** into a **sink**,
//! and acknowledges a message only after its write succeeded. `queue` looks inside and mends. `store` shows
//! what arrived.
//!
//! | what | where |
//! |---|---|
//! | what travels | [`message`] |
//! | FROM: what can be read | [`sources`] |
//! | VIA: what holds messages | [`queues`] |
//! | TO: what can be written | [`sinks`] |
//! | source -> queue | [`mod@publish`] |
//! | queue -> sink | [`mod@subscribe`] |
//! | what a queue could not take, kept in a file | [`spool`] |
//! | a queue's inside, shown | [`inspect`] |
//! | what a store holds, read back | [`readings`] |
//! | what is served over HTTP; the server below it | `serve`, `http_server`, where they are built in |
//! | what a look at an end found | [`preflight`] |
//! | what becomes of a delivery, purely | [`retry`] |
//! | a dead letter as a message, purely | [`dead_letter`] |
//! | batches filled up to their limits, purely | [`mod@batch`] |
//! | cron expression -> next time; what a zone's clocks show, purely | [`schedule`], [`zone`] |
//! | the URL of an end, a message as a line | [`location`], [`envelope`] |
//! | what a URL means; what may be shown of it | [`identity`], [`redact`] |
//! | JSON that every reader takes the same way, purely | [`json`] |
//! | text with a message's fields in it, purely | `template`, where it is built in |
//! | bodies chosen and reshaped on the way; the programs that do | [`mod@transform`], [`jq`] |
//! | attempts, where the queue does not count them | [`attempts`] |
//! | what a job says of itself, from the sink to the queue | [`checkins`] |
//! | what speaks to somebody, for any shelf | [`clients`] |
//! | commands in hints | [`hint`] |
//! | one process at a time; names made fit to be shown | [`lock`], [`text`] |
//! | what a run did | [`report`] |
//! | what the programs share | [`cli`], [`environment`], [`error`], [`clock`] |

#![warn(missing_docs)]
#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit)]

pub mod attempts;
pub mod batch;
pub mod checkins;
pub mod cli;
pub mod clients;
pub mod clock;
pub mod dead_letter;
pub mod descriptors;
pub mod envelope;
pub mod environment;
pub mod error;
pub mod hint;
#[cfg(feature = "serve")]
pub mod http_server;
pub mod identity;
pub mod inspect;
#[cfg(feature = "jq")]
pub mod jq;
#[cfg(not(feature = "jq"))]
#[path = "no_jq.rs"]
pub mod jq;
pub mod json;
pub mod location;
pub mod lock;
pub mod message;
pub mod permissions;
pub mod preflight;
pub mod publish;
pub mod queues;
pub mod readings;
pub mod redact;
pub mod registry;
pub mod report;
pub mod retry;
pub mod schedule;
#[cfg(feature = "serve")]
pub mod serve;
pub mod sinks;
pub mod sources;
pub mod spool;
pub mod subscribe;
#[cfg(feature = "template")]
pub mod template;
pub mod text;
pub mod times;
pub mod transform;
pub mod units;
pub mod zone;

pub use error::{Error, Kind, Result};
pub use location::Location;
pub use message::{Delivery, Message, Receipt};
