//! App Engine's pull queues in the words of the clients that they had: a room for each protocol, all
//! on the same tasks.

pub mod cloud_tasks;
pub mod failure;
pub mod format;
pub mod input;
pub mod limits;
pub mod operations;
pub mod partial;
pub mod payload;
pub mod percent;
pub mod query;
pub mod queue_yaml;
pub mod request;
pub mod rest;
pub mod rpc_http;

use crate::clock::Clock;
use crate::queues::TaskQueues;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the protocols stand on. Cheap to clone.
#[derive(Clone)]
pub struct Served {
    /// The queues.
    pub queues: Arc<dyn TaskQueues>,
    /// What the file of queues says beyond what a queue itself keeps.
    pub declared: Arc<Declared>,
    /// The time of day.
    pub clock: Clock,
    /// Cancelled when the server stops: whoever waits for a task then answers that there is none.
    pub stopping: CancellationToken,
}

/// What a `queue.yaml` says of queues, and no queue keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// The names of push queues: these are not served, and leasing from one is an error of its own.
    pub push: BTreeSet<String>,
    /// Who may use a queue, by its name: shown, and not enforced.
    pub acl: BTreeMap<String, Acl>,
}

/// Who may use a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acl {
    /// Those who list, get, lease, update and delete: each `user_email`.
    pub users: Vec<String>,
    /// Those who insert: each `writer_email`.
    pub writers: Vec<String>,
}

/// Which call of a protocol a response answers, as `taskqueue.tasks.lease`: an extension of the
/// response, for whoever counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation(pub &'static str);
