//! Flags for what is most often needed of a URL besides its path: so no `&` is needed, at which a
//! shell would cut it.

use crate::error::Result;
use crate::location::Location;
use clap::Args;

/// The flag `--queue-name`.
#[derive(Debug, Clone, Default, Args)]
pub struct QueueName {
    /// The queue in the file of an embedded queue, for `?queue=NAME` in its URL
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    queue_name: Option<String>,
}

/// The flags `--queue-name` and `--topic`.
#[derive(Debug, Clone, Default, Args)]
pub struct QueueNames {
    #[command(flatten)]
    queue: QueueName,

    /// What the queue receives messages of, for `?topic=NAME` in its URL
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    topic: Option<String>,
}

/// The flag `--collection`.
#[derive(Debug, Clone, Default, Args)]
pub struct CollectionName {
    /// The collection of the sink, for `?collection=NAME` in its URL
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    collection: Option<String>,
}

impl QueueName {
    /// Adds what the flags say to a URL; refused where the URL says it, too.
    pub fn add(&self, url: Location) -> Result<Location> {
        url.with("queue", self.queue_name.as_deref(), "--queue-name")
    }
}

impl QueueNames {
    /// Adds what the flags say to a URL; refused where the URL says it, too.
    pub fn add(&self, url: Location) -> Result<Location> {
        self.queue.add(url)?.with("topic", self.topic.as_deref(), "--topic")
    }

    /// The name of the queue alone.
    pub fn queue(&self) -> &QueueName {
        &self.queue
    }
}

impl CollectionName {
    /// Adds what the flags say to a URL; refused where the URL says it, too.
    pub fn add(&self, url: Location) -> Result<Location> {
        url.with("collection", self.collection.as_deref(), "--collection")
    }

    /// Whether the flag was given.
    pub fn is_given(&self) -> bool {
        self.collection.is_some()
    }
}
