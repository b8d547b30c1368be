//! One test binary: everything that needs the programs, a server or more than one room.

mod bad_input;
mod crash;
mod cron;
mod docs;
mod embedded;
mod embedded_processes;
mod embedded_store;
mod examples;
mod help;
mod http_server;
mod mongodb;
mod nature_remo;
mod nature_remo_changes;
mod pipeline;
mod poison;
mod proxy;
mod publish;
mod pubsub;
mod queue;
mod queue_contract;
mod sandbox;
mod services;
mod sinks;
mod stdin;
mod subscribe;
mod tidy;
