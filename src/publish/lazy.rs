//! A queue that is opened when it is first needed, and again after it could not be.

use crate::error::Result;
use crate::location::Location;
use crate::message::Message;
use crate::queues::{self, Options, Published, Publisher};
use async_trait::async_trait;
use tokio::sync::OnceCell;

/// A queue by its URL. Opening may need what an outage takes away; what was read by then is kept.
pub struct LazyQueue {
    url: Location,
    options: Options,
    queue: OnceCell<Box<dyn Publisher>>,
}

impl LazyQueue {
    /// Nothing is opened yet.
    pub fn new(url: Location, options: Options) -> Self {
        Self { url, options, queue: OnceCell::new() }
    }

    /// Opens the queue, unless it is open.
    pub async fn open(&self) -> Result<&dyn Publisher> {
        let open = || queues::open_publisher(self.url.clone(), &self.options);
        self.queue.get_or_try_init(open).await.map(|queue| &**queue)
    }
}

#[async_trait]
impl Publisher for LazyQueue {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        self.open().await?.publish(batch).await
    }

    async fn ping(&self) -> Result<()> {
        self.open().await?.ping().await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        match self.queue.into_inner() {
            Some(queue) => queue.close().await,
            None => Ok(()),
        }
    }
}
