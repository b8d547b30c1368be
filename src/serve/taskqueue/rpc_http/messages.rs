//! The messages of App Engine's task queue service, as far as pull queues have them: what clients
//! send and what they get. Names and payloads are bytes on the wire.

use bytes::Bytes;

/// How a task is leased: the value of `mode` for pull queues.
pub const PULL: i32 = 1;

/// The limits of a task of its own.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RetryParameters {
    /// How often it may be leased.
    #[prost(int32, optional, tag = "1")]
    pub limit: Option<i32>,
    /// How old it must be, in seconds, before that limit counts.
    #[prost(int64, optional, tag = "2")]
    pub age: Option<i64>,
}

/// Adds a task: the message of `Add`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AddRequest {
    /// The queue.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub queue: Option<Bytes>,
    /// The task's name; empty: one is to be chosen.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub name: Option<Bytes>,
    /// From when it can be leased, in microseconds since 1970.
    #[prost(int64, optional, tag = "3")]
    pub eta: Option<i64>,
    /// The payload.
    #[prost(bytes = "bytes", optional, tag = "9")]
    pub body: Option<Bytes>,
    /// A transaction of the datastore that the task is to be part of.
    #[prost(bytes = "bytes", optional, tag = "10")]
    pub transaction: Option<Bytes>,
    /// The limits of its own.
    #[prost(message, optional, tag = "17")]
    pub retry: Option<RetryParameters>,
    /// [`PULL`], or push.
    #[prost(int32, optional, tag = "18")]
    pub mode: Option<i32>,
    /// What it can be selected by.
    #[prost(bytes = "bytes", optional, tag = "19")]
    pub tag: Option<Bytes>,
    /// A transaction of the newer datastore that the task is to be part of.
    #[prost(bytes = "bytes", optional, tag = "21")]
    pub datastore_transaction: Option<Bytes>,
}

/// What `Add` answers.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AddResponse {
    /// The name that was chosen, where none was given.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub name: Option<Bytes>,
}

/// Adds several tasks: the message of `BulkAdd`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct BulkAddRequest {
    /// The tasks, all for one queue.
    #[prost(message, repeated, tag = "1")]
    pub tasks: Vec<AddRequest>,
}

/// What `BulkAdd` answers.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct BulkAddResponse {
    /// One each, in their order.
    #[prost(group, repeated, tag = "1")]
    pub results: Vec<BulkAddResult>,
}

/// What became of one task of `BulkAdd`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct BulkAddResult {
    /// A number of [`super::Code`].
    #[prost(int32, required, tag = "2")]
    pub result: i32,
    /// The name that was chosen, where none was given.
    #[prost(bytes = "bytes", optional, tag = "3")]
    pub name: Option<Bytes>,
}

/// Leases tasks: the message of `QueryAndOwnTasks`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct LeaseRequest {
    /// The queue.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub queue: Option<Bytes>,
    /// For how long.
    #[prost(double, optional, tag = "2")]
    pub seconds: Option<f64>,
    /// At most so many.
    #[prost(int64, optional, tag = "3")]
    pub max: Option<i64>,
    /// Only tasks of one tag.
    #[prost(bool, optional, tag = "4")]
    pub group_by_tag: Option<bool>,
    /// That tag; empty or absent: the tag of the oldest.
    #[prost(bytes = "bytes", optional, tag = "5")]
    pub tag: Option<Bytes>,
}

/// What `QueryAndOwnTasks` answers.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LeaseResponse {
    /// The oldest first.
    #[prost(group, repeated, tag = "1")]
    pub tasks: Vec<LeasedTask>,
}

/// A task that was leased.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LeasedTask {
    /// The task's name.
    #[prost(bytes = "bytes", required, tag = "2")]
    pub name: Bytes,
    /// When the lease ends, in microseconds since 1970: what proves the lease.
    #[prost(int64, required, tag = "3")]
    pub eta: i64,
    /// How often it was leased, this time included.
    #[prost(int32, optional, tag = "4")]
    pub leases: Option<i32>,
    /// The payload.
    #[prost(bytes = "bytes", optional, tag = "5")]
    pub body: Option<Bytes>,
    /// The tag, where it has one.
    #[prost(bytes = "bytes", optional, tag = "6")]
    pub tag: Option<Bytes>,
}

/// Makes a lease longer, or ends it: the message of `ModifyTaskLease`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModifyLeaseRequest {
    /// The queue.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub queue: Option<Bytes>,
    /// The task.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub name: Option<Bytes>,
    /// When the lease ends by what the client knows.
    #[prost(int64, optional, tag = "3")]
    pub eta: Option<i64>,
    /// How long it is to last from now.
    #[prost(double, optional, tag = "4")]
    pub seconds: Option<f64>,
}

/// What `ModifyTaskLease` answers.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ModifyLeaseResponse {
    /// When the lease ends now.
    #[prost(int64, required, tag = "1")]
    pub eta: i64,
}

/// Deletes tasks: the message of `Delete`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct DeleteRequest {
    /// The queue.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub queue: Option<Bytes>,
    /// The tasks.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub names: Vec<Bytes>,
}

/// What `Delete` answers.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct DeleteResponse {
    /// Numbers of [`super::Code`], one for each name.
    #[prost(int32, repeated, packed = "false", tag = "3")]
    pub results: Vec<i32>,
}

/// Deletes all tasks of a queue: the message of `PurgeQueue`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct PurgeRequest {
    /// The queue.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub queue: Option<Bytes>,
}

/// What `PurgeQueue` answers.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct PurgeResponse {}

/// Tells how much is in queues: the message of `FetchQueueStats`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct StatsRequest {
    /// The queues.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub queues: Vec<Bytes>,
}

/// What `FetchQueueStats` answers.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StatsResponse {
    /// One for each queue, in their order.
    #[prost(group, repeated, tag = "1")]
    pub queues: Vec<QueueStats>,
}

/// How much is in a queue.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueueStats {
    /// All tasks, leased or not.
    #[prost(int32, required, tag = "2")]
    pub tasks: i32,
    /// The smallest `eta` of any, in microseconds since 1970; -1 where there is none.
    #[prost(int64, required, tag = "3")]
    pub oldest_eta: i64,
    /// What happened in it of late.
    #[prost(message, optional, tag = "4")]
    pub recent: Option<RecentLeases>,
}

/// What happened in a queue of late.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RecentLeases {
    /// Leases that were given in the last minute.
    #[prost(int64, required, tag = "1")]
    pub last_minute: i64,
    /// Leases that were given in the last hour.
    #[prost(int64, required, tag = "2")]
    pub last_hour: i64,
    /// Over how many seconds the first of these was counted.
    #[prost(double, required, tag = "3")]
    pub sampling_seconds: f64,
    /// Tasks that are leased now.
    #[prost(int32, optional, tag = "4")]
    pub in_flight: Option<i32>,
}
