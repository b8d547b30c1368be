//! `pubsub://PROJECT/TOPIC` to publish, `pubsub://PROJECT/SUBSCRIPTION` to receive: Google Cloud
//! Pub/Sub, through Google's own client.
//!
//! | parameter | publish | subscribe | means |
//! |---|---|---|---|
//! | `id-attribute=NAME` | yes | yes | the attribute that carries the message id, else `kakehi-id` |
//! | `streams=N` | | yes | how many streams to pull from at once, 1 to 64, else 8 |
//! | `topic=NAME` | | yes | with `--create`: the topic that the subscription is made for |
//! | `ordered` | yes | yes | with `--create`: the subscription keeps the order within a group |
//! | `exactly-once` | yes | yes | with `--create`: the subscription delivers exactly once |
//!
//! Attributes whose names begin with `goog` cannot be published. What Google's clients and Pub/Sub
//! add for themselves (`googclient_...`) is left out; any such name on what was received elsewhere,
//! too; and what somebody else wants to publish under one is refused.
//!
//! A group travels as ordering key, a tag as the attribute `kakehi-tag`. Pub/Sub cannot hold a
//! message back until a time, select by tag, or keep a dead letter.

mod admin;
mod backend;
mod client;
mod codec;
mod create;
mod error;
mod facts;
mod identity;
mod inspector;
mod name;
mod options;
mod preflight;
mod publisher;
mod rationed;
mod server_dead_letters;
mod streams;
mod subscriber;
mod survey;

pub use backend::PubsubBackend;

/// The attribute under which a tag travels.
const TAG_ATTRIBUTE: &str = "kakehi-tag";
