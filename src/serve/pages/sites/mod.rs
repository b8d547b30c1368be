//! What is watched: the queues of each URL, counted again and again, each on its own, so that one that
//! is down or slow delays no other.

mod history;
mod pace;
mod site;

pub(super) use history::Sample;
pub(super) use pace::Pace;
pub(super) use site::{Failure, QueueState, Site};

use super::Shown;
use super::fields::Fields;
use super::numbers::shown;
use crate::error::{Error, Kind, Result};
use crate::queues::{self, Inspect, Jobs, NamedQueue};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a queue may take to answer a page.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that is watched.
pub(super) struct Sites(Vec<Arc<Site>>);

/// A queue that pages show.
#[derive(Clone)]
pub(super) struct ShownQueue {
    /// What tells it from all others that are shown, in addresses and for people: nothing in it acts on
    /// whoever reads it.
    pub(super) label: String,
    /// The queue's name and its URL.
    pub(super) queue: NamedQueue,
    /// The URL that it was found by.
    pub(super) site: Arc<Site>,
}

impl Sites {
    pub(super) fn new(shown: &Shown) -> Self {
        Self(shown.queues.iter().map(|url| Arc::new(Site::new(url.clone(), shown))).collect())
    }

    /// Watches all of them until `stop`.
    pub(super) async fn watch(&self, stop: &CancellationToken) {
        join_all(self.0.iter().map(|site| site.watch(stop))).await;
    }

    /// The sites, each as it was counted just now, or as it was before where that takes its time.
    pub(super) async fn fresh(&self) -> &[Arc<Site>] {
        join_all(self.0.iter().map(|site| site.freshen())).await;
        &self.0
    }

    /// All queues that were found, in the order of their URLs and names.
    pub(super) fn queues(&self) -> Vec<ShownQueue> {
        let named = |site: &Arc<Site>| {
            let queues = site.queues().into_iter();
            queues.map(|state| (site.clone(), state.queue)).collect::<Vec<_>>()
        };
        let all: Vec<_> = self.0.iter().flat_map(named).collect();
        let is_one = |name: &str| all.iter().filter(|(_, it)| it.name == name).count() == 1;
        let labelled = all.iter().map(|(site, queue)| ShownQueue {
            label: match is_one(&queue.name) {
                true => shown(&queue.name),
                false => format!("{} ({})", shown(&queue.name), site.told()),
            },
            queue: queue.clone(),
            site: site.clone(),
        });
        labelled.collect()
    }

    /// The queue that fields name; where they name none, the first.
    ///
    /// # Errors
    /// `Usage` where there is none of that name.
    pub(super) async fn find(&self, fields: &Fields) -> Result<Option<ShownQueue>> {
        match fields.get("queue") {
            Some(_) => self.named(fields).await.map(Some),
            None if self.queues().is_empty() => {
                self.fresh().await;
                Ok(self.queues().into_iter().next())
            }
            None => Ok(self.queues().into_iter().next()),
        }
    }

    /// The queue that fields name.
    ///
    /// # Errors
    /// `Usage` where they name none, or there is none of that name.
    pub(super) async fn named(&self, fields: &Fields) -> Result<ShownQueue> {
        let label = fields.get("queue").unwrap_or_default();
        let find = || self.queues().into_iter().find(|it| it.label == label);
        if let Some(found) = find() {
            return Ok(found);
        }
        self.fresh().await;
        find().ok_or_else(|| {
            Error::new(Kind::Usage, format!("there is no queue `{}` here", shown(label)))
                .hint("the overview lists the queues that are shown")
                .of_missing()
        })
    }
}

impl ShownQueue {
    /// What it is opened with.
    pub(super) fn options(&self) -> &queues::Options {
        self.site.options()
    }

    /// Opens its inside.
    pub(super) async fn open(&self) -> Result<Box<dyn Inspect>> {
        let url = self.queue.url.clone();
        within(queues::open_inspector(url, self.site.options())).await
    }

    /// Opens its jobs.
    ///
    /// # Errors
    /// `Usage` where it has none.
    pub(super) async fn open_jobs(&self) -> Result<Arc<dyn Jobs>> {
        let url = self.queue.url.clone();
        within(queues::open_jobs(url, self.site.options())).await?.ok_or_else(|| {
            Error::new(Kind::Usage, format!("the queue `{}` has no jobs", self.label))
        })
    }

    /// An address of a page about it, with these fields besides.
    pub(super) fn address(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("queue", &self.label);
        query.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
        format!("{path}?{}", query.finish())
    }
}

/// Does this within the patience of a page.
///
/// # Errors
/// `Unreachable` where it takes longer.
pub(super) async fn within<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(no_answer(PATIENCE)))
}

/// The error for what does not answer.
fn no_answer(patience: Duration) -> Error {
    Error::new(Kind::Unreachable, "the queue does not answer")
        .because_of(format!("nothing came within {} s", patience.as_secs()))
        .hint("look whether its server runs and is not stopped or overloaded")
}
