//! `https://HOST/PATH`: what a JSON API says, one GET a tick, and a message of each of its items.
//!
//! `?items=POINTER` leads to the list; without it the answer is the list, or the only item. `?id=`,
//! `?group=` and `?at=` are pointers within an item. Each item is a message as it was written: its id
//! is what `id` points to, followed by the instant that `at` points to; without an `id` a digest of
//! the item, so that what has not changed is the same message at the next tick.
//!
//! What a server says of its answer's version is remembered once the queue has all of it, and sent
//! along the next time: an answer that has not changed is not sent again.

mod backend;
mod conditions;
mod header_file;
mod item;
mod options;

pub use backend::HttpBackend;

use super::polling::Uncommitted;
use super::{Batch, Options, Refusal, Source, Stop};
use crate::batch::{BatchBuilder, BatchLimits};
use crate::clients::http::{self, Answer, Failure, Getter, Hints, Limits};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use async_trait::async_trait;
use conditions::{Conditions, Memory};
use item::Items;
use options::HttpOptions;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::value::RawValue;
use std::collections::VecDeque;
use url::Url;

const SOURCE: &str = "http";
const TOKEN: &str = "HTTP_TOKEN";
/// The longest answer, in bytes.
const MAX_ANSWER: usize = 64 << 20;

const HINTS: Hints = Hints {
    credentials: "set `HTTP_TOKEN_FILE` to the path of a file with the API's token, or write its \
                  headers into a file and name that with `header-file=FILE`",
    busy: "ask less often",
    refused: "check the URL; redirects are not followed",
    strange: "check that the URL is that of a JSON API",
};

/// Opens a JSON API with the limits of all.
///
/// # Errors
/// `Usage` for a parameter that cannot be; `Configuration` for a URL that would show a secret, a
/// token or a file of headers that cannot be used, and a state file that is not ours.
pub fn open(url: Location, options: &Options) -> Result<Box<dyn Source>> {
    open_with(url, options, limits())
}

/// Opens a JSON API as [`open`] does, with other limits.
pub fn open_with(url: Location, options: &Options, limits: Limits) -> Result<Box<dyn Source>> {
    Ok(Box::new(Http::new(HttpOptions::of(url)?, options, limits)?))
}

fn limits() -> Limits {
    Limits { max_answer: MAX_ANSWER, ..Limits::default() }
}

/// An API, and the right to ask it.
struct Api {
    getter: Getter,
    url: Url,
    headers: HeaderMap,
}

impl Api {
    fn new(parsed: &HttpOptions, options: &Options, limits: Limits) -> Result<Self> {
        let environment = &options.environment;
        let mut headers = match &parsed.header_file {
            Some(path) => header_file::read(path)?,
            None => HeaderMap::new(),
        };
        if let Some(token) = http::token(environment, TOKEN, "`http:`", HINTS.credentials)?
            && headers.insert(AUTHORIZATION, http::bearer(&token)).is_some()
        {
            return Err(Error::new(Kind::Configuration, "two credentials are given")
                .because_of("`header-file` has an `Authorization`, and `HTTP_TOKEN` is set, too")
                .hint("leave one of them out"));
        }
        let getter = Getter::new(&parsed.url, limits, environment, options.clock.clone())?;
        Ok(Self { getter, url: parsed.url.clone(), headers })
    }

    async fn get(&self, conditions: &Conditions) -> Result<Answer> {
        let mut headers = self.headers.clone();
        conditions.add_to(&mut headers);
        self.getter.get(&self.url, &headers).await.map_err(|failure| self.error(failure))
    }

    fn error(&self, failure: Failure) -> Error {
        let (kind, hint) = failure.remedy(&HINTS);
        Error::new(kind, format!("cannot read `{}`", options::shown(&self.url)))
            .because(failure)
            .hint(hint)
    }
}

struct Http {
    api: Api,
    items: Items,
    memory: Memory,
    limits: BatchLimits,
    /// What is remembered once all of the last answer is committed.
    conditions: Option<Conditions>,
    /// Batches of the last answer that were not read yet.
    ready: VecDeque<Batch>,
    uncommitted: Uncommitted<()>,
    /// The tick of the last request, failed ones included: one a tick.
    polled: Option<u64>,
    /// Why the last answer gave nothing.
    nothing: Option<String>,
    /// Nothing is asked any more.
    stopped: bool,
}

impl Http {
    fn new(parsed: HttpOptions, options: &Options, limits: Limits) -> Result<Self> {
        Ok(Self {
            api: Api::new(&parsed, options, limits)?,
            memory: Memory::open(parsed.state)?,
            items: Items::new(&parsed.url, parsed.pointers),
            limits: options.limits(),
            conditions: None,
            ready: VecDeque::new(),
            uncommitted: Uncommitted::new(),
            polled: None,
            nothing: None,
            stopped: false,
        })
    }

    /// Asks, and takes the answer apart.
    async fn poll(&mut self) -> Result<()> {
        let (headers, body) = match self.api.get(self.memory.conditions()).await? {
            Answer::NotModified => {
                tracing::debug!("the server says that nothing has changed");
                return Ok(());
            }
            Answer::Json { headers, body } => (headers, body),
        };
        let text = http::text(&body);
        let json: &RawValue =
            serde_json::from_str(&text).map_err(|cause| self.api.error(Failure::NotJson(cause)))?;
        let is_damaged = matches!(text, std::borrow::Cow::Owned(_));
        let found = self.items.list(json).map_err(|why| self.no_list(&why))?;
        self.nothing = found.is_empty().then(|| "the answer has no items".to_owned());
        self.ready = self.batches(&found, is_damaged);
        self.conditions = Some(Conditions::of(&headers));
        self.remember_what_is_done().await
    }

    fn no_list(&self, why: &str) -> Error {
        let url = options::shown(&self.api.url);
        Error::new(Kind::Failed, format!("cannot read the items of `{url}`"))
            .because_of(why)
            .hint("name the place of the list in the answer: `items=/data`")
    }

    fn batches(&self, items: &[&RawValue], is_damaged: bool) -> VecDeque<Batch> {
        let (mut full, mut last) = (VecDeque::new(), BatchBuilder::<Batch>::new(self.limits));
        for (at, item) in items.iter().enumerate() {
            if last.is_full() {
                full.push_back(last.take());
            }
            match self.items.message(item, is_damaged) {
                Ok(message) => last.add(message.size()).messages.push(message),
                Err(reason) => {
                    let position = format!("item {} of {}", at + 1, items.len());
                    last.add(0).refused.push(Refusal { position, reason, raw: None });
                }
            }
        }
        full.extend((!last.is_empty()).then(|| last.into_content()));
        full
    }

    /// Remembers the version of an answer of which everything is committed.
    async fn remember_what_is_done(&mut self) -> Result<()> {
        if !self.ready.is_empty() || !self.uncommitted.is_empty() {
            return Ok(());
        }
        match self.conditions.take() {
            Some(conditions) => self.memory.remember(conditions).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Source for Http {
    async fn read(&mut self, tick: u64) -> Result<Option<Batch>> {
        if self.uncommitted.begins(tick) {
            self.conditions = None;
            self.ready.clear();
        }
        if self.ready.is_empty() && self.polled != Some(tick) && !self.stopped {
            let polled = self.poll().await;
            self.polled = Some(tick);
            polled?;
        }
        let batch = self.ready.pop_front();
        Ok(batch.map(|batch| self.uncommitted.hand_over(batch, ())))
    }

    async fn commit(&mut self, batch: u64) -> Result<()> {
        match self.uncommitted.take(batch) {
            Some(()) => self.remember_what_is_done().await,
            None => Ok(()),
        }
    }

    /// A commit is on disk when it returns.
    async fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn stop(&mut self, _how: Stop) {
        self.stopped = true;
    }

    fn nothing(&self) -> Option<String> {
        self.nothing.clone()
    }
}
