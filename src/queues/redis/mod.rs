//! `redis://HOST:PORT/DB?namespace=NAME&job=NAME`: jobs in Redis as gocraft/work keeps them, so that
//! its programs and ours share one queue.
//!
//! | parameter | publish | subscribe | means |
//! |---|---|---|---|
//! | `namespace=NAME` | yes | yes | what every key begins with, else `work` |
//! | `job=NAME` | yes | yes | the job's name; to receive from several: `job=a,b` |
//! | `delay=10s` | yes | | how long a job waits, where its message says no time |
//! | `unique`, `unique=FIELD,FIELD` | yes | | a job is refused while one with the same arguments, or with the same ones of these fields, waits |
//! | `wait=N` | yes | | how many replicas must have a job before it counts as published |
//! | `priority=a:100,b:1` | | yes | how often a name comes first, else 1 |
//! | `max-concurrency=N` | | yes | how many jobs of a name run at once, over all pools |
//! | `periodic=a:SPEC;b:SPEC` | | yes | what is enqueued by the clock |
//! | `cluster` | yes | yes | the server is one node of a cluster |
//!
//! The body is the job's arguments: a JSON object or null. A message's tag is the job's name, and that
//! of the URL is for those without; what is passed on from another queue takes the URL's, if there is
//! one. Group and attributes travel in a field `kakehi` of the job, which other programs pass over.
//! User and password stand in `REDIS_USERNAME`, and `REDIS_PASSWORD` or `REDIS_PASSWORD_FILE`, never in
//! a URL.

mod backend;
mod backoff;
mod begun;
mod client;
mod codec;
mod dead_letters;
mod delivery;
mod error;
mod fetch;
mod go_json;
mod identity;
mod in_flight;
mod info;
mod inspector;
pub mod job;
mod keys;
mod known_jobs;
mod line;
mod looked;
mod member;
mod name;
mod options;
mod orders;
mod parts;
mod pausing;
mod peek;
mod pool;
mod pools;
mod preflight;
#[cfg(test)]
mod properties;
mod publisher;
mod purge;
mod rights;
mod scheduled;
mod scripts;
mod sentinel;
mod served;
mod server;
mod sets;
mod settle;
mod shared;
mod subscriber;
mod survey;
mod unique;
mod worked;

pub use backend::RedisBackend;

/// The namespace of gocraft/work's own tools.
const NAMESPACE: &str = "work";
