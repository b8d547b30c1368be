//! The two loops: from a source into a queue, and from a queue into a sink.

mod answered;
mod breaker;
mod dead_letter_stores;
mod lines;
mod passed_on;
mod publish;
mod publish_drain;
mod publish_every;
mod publish_refused;
mod publish_stop;
mod put_off;
mod settling;
mod settling_pubsub;
mod spool;
mod subscribe;
