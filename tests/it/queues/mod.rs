//! What queues promise, each of them and one alone.

mod contract;
mod gocraft;
mod pubsub;
mod redis;
mod redis_jobs;
mod sqlite;
mod sqs;
