//! A connection to one collection: what the driver needs around it, and what its failures mean to a
//! person.

use super::failure::Failure;
use super::options::MongoDbOptions;
use crate::error::{Error, Kind, Result};
use mongodb::bson::raw::RawDocumentBuf;
use mongodb::error::ErrorKind;
use mongodb::event::EventHandler;
use mongodb::event::sdam::SdamEvent;
use mongodb::options::ClientOptions;
use mongodb::{Client, Collection};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A database or collection cannot have this name (`error_codes.yml`).
const INVALID_NAMESPACE: i32 = 73;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Messages are written.
    Write,
    /// Documents are read, and nothing is written.
    Read,
}

/// A connection to one collection of a MongoDB.
pub(crate) struct Connection {
    pub(super) client: Client,
    collection: Collection<RawDocumentBuf>,
    purpose: Use,
    /// `host:port`, and what is used there, for a person.
    pub(super) hosts: String,
    pub(super) namespace: String,
    /// Where the user is looked for.
    login: String,
    pub(super) timeout: Duration,
    /// Why the last look at a server failed: the driver's own error for "no server" is a page long.
    last_look: LastLook,
    /// Tasks in which every use of the driver runs: it wants its futures run to their end.
    tasks: TaskTracker,
    closed: CancellationToken,
}

type LastLook = Arc<Mutex<Option<String>>>;

impl Connection {
    /// Sets up a connection; the server is not asked for anything yet.
    pub(crate) fn new(settings: MongoDbOptions, purpose: Use, timeout: Duration) -> Result<Self> {
        let MongoDbOptions { mut client, database, collection, login, .. } = settings;
        let last_look = watch(&mut client);
        let hosts: Vec<String> = client.hosts.iter().map(ToString::to_string).collect();
        let client = Client::with_options(client).map_err(|cause| {
            Error::new(Kind::Configuration, "cannot set up the connection to MongoDB")
                .because_of(Failure::of(&cause).words)
        })?;
        Ok(Self {
            collection: client.database(&database).collection(&collection),
            client,
            purpose,
            hosts: hosts.join(","),
            namespace: format!("{database}.{collection}"),
            login,
            timeout,
            last_look,
            tasks: TaskTracker::new(),
            closed: CancellationToken::new(),
        })
    }

    /// What is used, for a person: `home.readings`.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The collection.
    pub(crate) fn collection(&self) -> Collection<RawDocumentBuf> {
        self.collection.clone()
    }

    /// Runs a use of the driver to its end, while we wait for it no longer than our time limit:
    /// dropped in the middle it could leave the driver in disorder (its README, "Warning about
    /// timeouts / cancellation"). `close` ends what we no longer wait for.
    pub(super) async fn within_limit<T: Send + 'static>(
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

    /// Reads within our time limit; a failure is told with what to do about it.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl Future<Output = mongodb::error::Result<T>> + Send + 'static,
    ) -> Result<T> {
        match self.within_limit(work).await {
            Ok(answer) => answer.map_err(|cause| self.refused(&cause)),
            Err(failure) => Err(self.explain(&failure)),
        }
    }

    /// The error for a look that failed.
    pub(super) fn refused(&self, cause: &mongodb::error::Error) -> Error {
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
    pub(super) fn explain(&self, failure: &Failure) -> Error {
        if failure.standing == Some(Kind::Credentials) {
            return self.not_let_in(failure);
        }
        let does_not = match self.purpose {
            Use::Write => "takes no writes",
            Use::Read => "answers no questions",
        };
        let what = match failure.standing {
            Some(_) => format!("MongoDB at `{}` {does_not}", self.hosts),
            None => format!("cannot reach MongoDB at `{}`", self.hosts),
        };
        let seen = self.last_look.lock().expect("no holder panics").clone();
        let cause = match (failure.standing, seen) {
            (None, Some(seen)) => format!("{}: {seen}", failure.words),
            _ => failure.words.clone(),
        };
        let hint = match self.purpose {
            Use::Write => {
                "check that it runs and that this is its address; the messages stay in the queue"
            }
            Use::Read => "check that it runs and that this is its address",
        };
        Error::new(Kind::Unreachable, what).because_of(cause).hint(hint)
    }

    fn not_let_in(&self, failure: &Failure) -> Error {
        let needs = match self.purpose {
            Use::Write => "`find` and `insert`",
            Use::Read => "`find`",
        };
        Error::new(Kind::Credentials, format!("MongoDB at `{}` refused us", self.hosts))
            .because_of(&failure.words)
            .hint(format!(
                "set `MONGODB_USERNAME` and `MONGODB_PASSWORD` or `MONGODB_PASSWORD_FILE`; the \
                 user needs {needs} on `{}`; {}",
                self.namespace, self.login
            ))
    }

    /// Ends what is still running, and says goodbye to the server, which may not be there any more.
    pub(crate) async fn close(self) {
        self.closed.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        drop(self.collection);
        let goodbye = self.client.shutdown().immediate(true);
        let _ = tokio::time::timeout(self.timeout, goodbye).await;
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
