//! What queues promise, each of them and one alone.

mod contract;
mod gocraft;
mod pubsub;
mod sqlite;
mod sqs;
