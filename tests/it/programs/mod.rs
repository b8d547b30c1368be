//! The programs as people and scripts meet them.

mod alert;
mod bad_input;
mod bodies;
mod configuration;
mod cron;
mod descriptors;
mod docs;
mod ends;
mod examples;
mod help;
mod hints;
mod identity;
mod kakehi;
mod limits;
mod main_job;
mod missing_queue;
mod not_utf8;
mod pipeline;
mod queue;
mod queue_check;
mod queue_pubsub;
mod queue_redis;
mod queue_sqs;
mod secrets;
mod signals;
mod store;
