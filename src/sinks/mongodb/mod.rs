//! `mongodb:`: one document per message in a collection, its `_id` the message's id.
//!
//! The URL is the driver's own connection string with three parameters of ours: `collection=NAME`
//! (`messages` without it), `dates=KEY,KEY` (RFC 3339 text under these keys, at any depth, becomes a
//! date; else `created_at`, `updated_at` and `request_at`) and `conflict=keep|replace`. Numbers
//! under `val` are doubles, other whole numbers 64-bit integers; one that would not keep its value is
//! refused. User and password come from
//! `MONGODB_USERNAME` and `MONGODB_PASSWORD` or `MONGODB_PASSWORD_FILE`, as they are. A write counts
//! when a majority has it in its journal, unless the URL says otherwise.
//!
//! With `conflict=replace` what was written last stands, so the order matters to this sink.

mod backend;
mod compression;
mod date;
mod document;
mod failure;
mod number;
mod oddity;
mod options;
mod preflight;
mod same;
mod store;

pub use backend::MongoDbBackend;

use super::{Conflict, Outcome, Sink};
use crate::error::{Error, Kind, Result};
use crate::message::Delivery;
use async_trait::async_trait;
use document::Rules;
use failure::Failure;
use mongodb::Client;
use mongodb::bson::raw::RawDocumentBuf;
use mongodb::bson::{Document, doc};
use mongodb::error::ErrorKind;
use mongodb::event::EventHandler;
use mongodb::event::sdam::SdamEvent;
use mongodb::options::{ClientOptions, ReadPreference, SelectionCriteria};
use options::MongoDbOptions;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Store, Written};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A collection of a MongoDB database.
struct MongoDb {
    client: Client,
    store: Store,
    rules: Rules,
    /// `host:port`, and what is written to, for a person.
    hosts: String,
    namespace: String,
    /// Where the user is looked for.
    login: String,
    timeout: Duration,
    /// Why the last look at a server failed: the driver's own error for "no server" is a page long.
    last_look: LastLook,
    /// Tasks in which every use of the driver runs: it wants its futures run to their end.
    tasks: TaskTracker,
    closed: CancellationToken,
}

type LastLook = Arc<Mutex<Option<String>>>;

impl MongoDb {
    fn new(settings: MongoDbOptions, timeout: Duration) -> Result<Self> {
        let MongoDbOptions { mut client, database, collection, rules, conflict, login } = settings;
        let last_look = watch(&mut client);
        let hosts: Vec<String> = client.hosts.iter().map(ToString::to_string).collect();
        let client = Client::with_options(client).map_err(|cause| {
            Error::new(Kind::Configuration, "cannot set up the connection to MongoDB")
                .because_of(Failure::of(&cause).words)
        })?;
        let target = client.database(&database).collection::<RawDocumentBuf>(&collection);
        Ok(Self {
            store: Store { collection: target, conflict, limit: timeout },
            client,
            rules,
            hosts: hosts.join(","),
            namespace: format!("{database}.{collection}"),
            login,
            timeout,
            last_look,
            tasks: TaskTracker::new(),
            closed: CancellationToken::new(),
        })
    }

    /// Runs a use of the driver to its end, while we wait for it no longer than our time limit:
    /// dropped in the middle it could leave the driver in disorder (its README, "Warning about
    /// timeouts / cancellation"). `close` ends what we no longer wait for.
    async fn within_limit<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let closed = self.closed.clone();
        let task = self.tasks.spawn(async move { closed.run_until_cancelled(work).await });
        match tokio::time::timeout(self.timeout, task).await {
            Ok(Ok(Some(done))) => Ok(done),
            Ok(Ok(None)) => Err(Failure {
                words: "the connection to MongoDB is closed".to_owned(),
                standing: None,
            }),
            Ok(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            Err(_) => Err(Failure::timed_out(self.timeout)),
        }
    }

    async fn insert(&self, documents: Vec<RawDocumentBuf>) -> Vec<Outcome> {
        if documents.is_empty() {
            return Vec::new();
        }
        let (count, store) = (documents.len(), self.store.clone());
        let written = self.within_limit(async move { store.write(&documents).await }).await;
        written.unwrap_or_else(|failure| Written::failed(count, &failure)).outcomes
    }

    /// The error for a ping that failed.
    fn refused(&self, cause: &mongodb::error::Error) -> Error {
        let failure = Failure::of(cause);
        match (failure.standing, cause.kind.as_ref()) {
            (Some(_), _) => self.explain(&failure),
            // Nothing of ours is in a ping: what the server says about it quotes no document.
            (None, ErrorKind::Command(command)) if command.code == INVALID_NAMESPACE => {
                Error::new(Kind::Usage, format!("`{}` cannot be a collection", self.namespace))
                    .because_of(&command.message)
            }
            _ => self.explain(&failure),
        }
    }

    /// The error for a failure, with what to do about it.
    fn explain(&self, failure: &Failure) -> Error {
        if failure.standing == Some(Kind::Credentials) {
            return Error::new(
                Kind::Credentials,
                format!("MongoDB at `{}` refused us", self.hosts),
            )
            .because_of(&failure.words)
            .hint(format!(
                "set `MONGODB_USERNAME` and `MONGODB_PASSWORD` or `MONGODB_PASSWORD_FILE`; the \
                     user needs `find` and `insert` on `{}`; {}",
                self.namespace, self.login
            ));
        }
        let what = match failure.standing {
            Some(_) => format!("MongoDB at `{}` takes no writes", self.hosts),
            None => format!("cannot reach MongoDB at `{}`", self.hosts),
        };
        let seen = self.last_look.lock().expect("no holder panics").clone();
        let cause = match (failure.standing, seen) {
            (None, Some(seen)) => format!("{}: {seen}", failure.words),
            _ => failure.words.clone(),
        };
        Error::new(Kind::Unreachable, what)
            .because_of(cause)
            .hint("check that it runs and that this is its address; the messages stay in the queue")
    }
}

/// A database or collection cannot have this name (`error_codes.yml`).
const INVALID_NAMESPACE: i32 = 73;

#[async_trait]
impl Sink for MongoDb {
    /// Asks for the primary and for one document, which proves that we may read; that we may not
    /// write shows at a write, which says so itself.
    async fn ping(&self) -> Result<()> {
        let (client, collection) = (self.client.clone(), self.store.collection.clone());
        let limit = self.timeout;
        let look = async move {
            let primary = || SelectionCriteria::ReadPreference(ReadPreference::Primary);
            let database = client.database(&collection.namespace().db);
            let ping: Document = doc! { "ping": 1 };
            database.run_command(ping).selection_criteria(primary()).await?;
            let look = collection.find_one(doc! { "_id": "" }).max_time(limit);
            look.selection_criteria(primary()).await.map(|_| ())
        };
        match self.within_limit(look).await {
            Ok(answer) => answer.map_err(|cause| self.refused(&cause)),
            Err(failure) => Err(self.explain(&failure)),
        }
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let (mut documents, mut refused) = (Vec::with_capacity(batch.len()), Vec::new());
        for (at, Delivery { message, .. }) in batch.iter().enumerate() {
            match self.rules.document(&message.id, &message.body) {
                Ok(document) => documents.push(document),
                Err(reason) => refused.push((at, Outcome::Reject(reason))),
            }
        }
        let mut outcomes = self.insert(documents).await;
        // From the front on, each place is the right one once those before it are filled.
        for (at, outcome) in refused {
            outcomes.insert(at, outcome);
        }
        outcomes
    }

    fn ordered(&self) -> bool {
        self.store.conflict == Conflict::Replace
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.closed.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        drop(self.store);
        // It says goodbye to the server, which may not be there any more.
        let goodbye = self.client.shutdown().immediate(true);
        let _ = tokio::time::timeout(self.timeout, goodbye).await;
        Ok(())
    }
}

/// Notes what the driver sees when it looks at its servers.
fn watch(client: &mut ClientOptions) -> LastLook {
    let last_look = LastLook::default();
    let note = last_look.clone();
    client.sdam_event_handler = Some(EventHandler::callback(move |event| {
        let seen = match event {
            SdamEvent::ServerHeartbeatFailed(event) => Some(Failure::of(&event.failure).words),
            SdamEvent::ServerHeartbeatSucceeded(_) => None,
            _ => return,
        };
        *note.lock().expect("no holder panics") = seen;
    }));
    last_look
}
