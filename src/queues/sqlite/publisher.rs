//! Where messages enter the embedded queue. A file that was replaced, restored or removed meanwhile
//! is opened anew: what is published goes where the next subscriber looks.

use super::enqueue::{Entry, Row};
use super::fan_out::publish;
use super::options::SqliteOptions;
use super::schema::{SCHEMA, queue_number};
use super::subscriber::Queue;
use crate::clients::sqlite::Database;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::message::Message;
use crate::queues::{Options, Published, Publisher};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Opens it for publishing; the file and the queue are made where they are missing.
pub async fn open_publisher(url: Location, options: &Options) -> Result<Box<dyn Publisher>> {
    let place = SqliteOptions::of(url, options)?;
    if let Some(topic) = &place.topic {
        let what = format!("`topic={topic}` says where messages of a queue come from");
        return Err(Error::new(Kind::Usage, what).hint(format!(
            "publish to the topic itself, `?queue={topic}`, or leave `topic` out to reach this \
             queue only"
        )));
    }
    let queue = open(&place, options.clock.clone()).await?;
    let (timeout, hold) = (options.publish_timeout, options.hold);
    Ok(Box::new(SqlitePublisher {
        options: place,
        queue: Mutex::new(Arc::new(queue)),
        timeout,
        hold,
    }))
}

async fn open(place: &SqliteOptions, clock: Clock) -> Result<Queue> {
    let database = Database::open(&place.path, &SCHEMA).await?;
    let name = place.name.clone();
    let number = database.write(move |c| queue_number(c, &name)).await?;
    Ok(Queue { database, number, remember: place.remember, clock })
}

struct SqlitePublisher {
    options: SqliteOptions,
    /// The file that is open, and the queue's number in it.
    queue: Mutex<Arc<Queue>>,
    timeout: Duration,
    /// Messages are held back until their `not_before`.
    hold: bool,
}

#[async_trait]
impl Publisher for SqlitePublisher {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<Published>> {
        let queue = self.queue.lock().await.clone();
        match self.insert(&queue, batch).await {
            Err(_) if !queue.database.is_there() => {
                let queue = self.reopen(&queue).await?;
                self.insert(&queue, batch).await
            }
            answered => answered,
        }
    }

    async fn ping(&self) -> Result<()> {
        self.queue.lock().await.clone().ping().await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        match Arc::into_inner(self.queue.into_inner()) {
            Some(queue) => queue.database.close().await,
            None => Ok(()),
        }
    }
}

impl SqlitePublisher {
    async fn insert(&self, queue: &Queue, batch: &[Message]) -> Result<Vec<Published>> {
        let rows: Vec<_> = batch.iter().map(Row::of).collect();
        let Queue { database, number, remember, clock } = queue;
        let (queue, clock, remember, hold) = (*number, clock.clone(), *remember, self.hold);
        let inserted = database.write(move |c| {
            let now = clock.millis();
            // What is not held back stays in the order of publishing, whatever the clock does.
            let available_at = if hold { now } else { 0 };
            let entry = Entry { queue, now, available_at, remember, hold };
            publish(c, entry, &rows)
        });
        tokio::time::timeout(self.timeout, inserted).await.unwrap_or_else(|_| {
            let what = format!("cannot write `{}` in time", database.path().display());
            Err(Error::new(Kind::Unreachable, what)
                .because_of(format!("it took longer than {:?}", self.timeout))
                .hint("what was published may be there: publishing it again does no harm"))
        })
    }

    /// Opens the file that is at the path now, unless another call has done so meanwhile.
    async fn reopen(&self, stale: &Arc<Queue>) -> Result<Arc<Queue>> {
        let mut queue = self.queue.lock().await;
        if Arc::ptr_eq(&queue, stale) {
            let path = self.options.path.display();
            tracing::warn!("`{path}` is another file than the one that was open: opening it anew");
            *queue = Arc::new(open(&self.options, stale.clock.clone()).await?);
        }
        Ok(queue.clone())
    }
}
