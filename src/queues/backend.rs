//! What a kind of queue is to the programs: everything that its scheme stands for.

use super::inspect::closed;
use super::{Deletion, Inspect, Jobs, Options, Publisher, Subscriber, TaskQueues};
use crate::error::{Error, Kind, Result};
use crate::identity::{FileIdentity, Identity, Key};
use crate::location::Location;
use crate::message::IdForm;
use crate::preflight::Finding;
use async_trait::async_trait;
use std::sync::Arc;

/// What a queue is to whoever opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Messages are published to it.
    Into,
    /// Messages are received from it.
    From,
}

/// What a server serves of a place.
pub enum Servable {
    /// Queues of tasks.
    Tasks(Arc<dyn TaskQueues>),
    /// Jobs, with the pools of workers that work on them.
    Jobs(Arc<dyn Jobs>),
    /// A queue for people to look at: no protocol of ours leases its messages.
    Pages,
}

/// One queue of those that a URL stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedQueue {
    /// What a person calls it. Free text: to be escaped wherever it is shown.
    pub name: String,
    /// The URL that stands for this one alone.
    pub url: Location,
    /// Whether its messages are jobs with names, worked on by pools.
    pub has_jobs: bool,
}

/// Why nobody looks into a queue that has no inspector.
const IN_PROCESS: &str = "it lives in the process that made it, and only there";

/// A kind of queue. The default of what is optional is a queue in this process, which nobody else
/// reaches.
#[async_trait]
pub trait Backend: Send + Sync {
    /// What the parameters of its URLs are called: a URL with any other one is refused, unless that is the
    /// server's own.
    fn parameters(&self, side: Side) -> Vec<&'static str>;

    /// Whether it lives in the process that made it: nobody names it on a command line.
    fn is_in_process(&self) -> bool {
        false
    }

    /// Whether a path of this machine stands behind the scheme.
    fn has_path(&self) -> bool {
        false
    }

    /// What ids look like here that are made for messages which came without one.
    fn id_form(&self) -> IdForm {
        IdForm::default()
    }

    /// Under which name something is kept for the queue that a URL stands for here and now: with the
    /// full path, or with the project, account, region and endpoint that it resolves to, and with the
    /// attribute that carries its ids. Nothing is asked, made or sent. Other parameters are left out.
    fn key(&self, url: &Location, options: &Options) -> Result<Key>;

    /// What the queue of a URL is, for what is compared and locked. A service may be asked what a name
    /// stands for; where it does not answer, the name alone counts.
    async fn identity(&self, url: &Location, side: Side, options: &Options) -> Result<Identity>;

    /// The file of a queue that is in one.
    fn file(&self, _url: &Location, _options: &Options) -> Result<Option<FileIdentity>> {
        Ok(None)
    }

    /// Whether what is published to `into`, another queue of this kind by its key, comes back to
    /// whoever receives from `from`.
    async fn leads_back(
        &self,
        from: &Location,
        into: &Location,
        options: &Options,
    ) -> Result<bool> {
        let from = self.identity(from, Side::From, options).await?;
        Ok(from.is(&self.identity(into, Side::Into, options).await?))
    }

    /// The queue in words, as its URL was understood and without secrets; `None` where the URL says it
    /// as well. Nothing is asked.
    fn describe(&self, _url: &Location, _side: Side, _options: &Options) -> Option<String> {
        None
    }

    /// Opens the queue for publishing.
    async fn publisher(&self, url: Location, options: &Options) -> Result<Box<dyn Publisher>>;

    /// Opens the queue for receiving.
    async fn subscriber(&self, url: Location, options: &Options) -> Result<Box<dyn Subscriber>>;

    /// Opens the queue to look inside and to mend; what is not there is not made.
    async fn inspector(&self, url: Location, _options: &Options) -> Result<Box<dyn Inspect>> {
        Err(closed(&url, IN_PROCESS))
    }

    /// The queues that a URL stands for, each by its name: one, unless there are several in one place and
    /// the URL names none of them. Nothing is made; where the place is not there yet, there is none.
    async fn named(&self, url: &Location, _options: &Options) -> Result<Vec<NamedQueue>> {
        let name = url.rest().rsplit('/').find(|part| !part.is_empty()).unwrap_or(url.scheme());
        Ok(vec![NamedQueue { name: name.to_owned(), url: url.clone(), has_jobs: false }])
    }

    /// Opens the jobs of a queue that has such; `None` where its messages are none.
    async fn jobs(&self, _url: Location, _options: &Options) -> Result<Option<Arc<dyn Jobs>>> {
        Ok(None)
    }

    /// Opens what a server serves to programs of the URL's place.
    async fn served(&self, _url: Location, _options: &Options) -> Result<Servable> {
        Ok(Servable::Pages)
    }

    /// Opens the queues of tasks of the URL's place.
    async fn tasks(&self, url: Location, _options: &Options) -> Result<Arc<dyn TaskQueues>> {
        Err(Error::new(Kind::Configuration, format!("cannot serve `{url}`"))
            .because_of("its messages are not leased by their names")
            .hint("name an embedded queue: `sqlite:PATH`"))
    }

    /// Makes the queue. `false`: it was there already, and is as it was.
    async fn create(&self, url: Location, _options: &Options) -> Result<bool> {
        Err(closed(&url, IN_PROCESS))
    }

    /// Deletes the queue with all that it holds, or only tells what that would remove unless `yes`.
    async fn delete(&self, url: Location, _options: &Options, _yes: bool) -> Result<Deletion> {
        Err(closed(&url, IN_PROCESS))
    }

    /// Looks at the queue as `publish` or `subscribe` will use it; nothing is published, received,
    /// made or changed.
    async fn preflight(
        &self,
        url: Location,
        side: Side,
        options: &Options,
    ) -> Result<Vec<Finding>> {
        let what = format!("`{url}` answers");
        match side {
            Side::Into => {
                let queue = self.publisher(url, options).await?;
                let answer = queue.ping().await;
                answer.and(queue.close().await)?;
            }
            Side::From => {
                let queue = self.subscriber(url, options).await?;
                let answer = queue.ping().await;
                answer.and(queue.close().await)?;
            }
        }
        Ok(vec![Finding::ok(what)])
    }
}
