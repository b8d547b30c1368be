//! `queue serve`: tasks and jobs over HTTP for programs, and pages for people.

use super::context::QueueContext;
use crate::cli::{self, timezone};
use crate::error::{Error, Kind, Result};
use crate::http_server::{Limits, Options, Server, Token, Words};
use crate::location::Location;
use crate::queues::{self, Jobs, Servable, TaskQueues};
use crate::readings::{self, Store};
use crate::serve::pages::Shown;
use crate::serve::taskqueue::{Declared, Served, queue_yaml};
use crate::serve::{self, Content, LateJobs};
use crate::{spool, units};
use chrono_tz::Tz;
use clap::Args;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The variable that names the file of the token.
const TOKEN_FILE: &str = "KAKEHI_TOKEN_FILE";
/// What the server's options are called here.
const WORDS: Words = Words { listen: "`--listen`", token: "`--token-file FILE`", host: "--host " };

/// Serve tasks and jobs to programs over HTTP, and pages to people
///
/// `/` is for people: pages of what the queues hold and the stores got, of dead letters and jobs, and of
/// what can be done about them.
///
/// The clients of App Engine's pull queues work with it: its REST API `taskqueue/v1beta2`, its
/// `/rpc_http`, and the pull half of Cloud Tasks `v2beta2`. The tasks are the messages of the file's
/// queues, so `publish`, `subscribe` and `queue` work on them, too. An insert is on disk before it
/// is answered.
///
/// Of `redis://HOST/DB?namespace=NAME` it serves the JSON of gocraft/work's web page, at that page's
/// paths: `/queues`, `/worker_pools`, `/busy_workers`, `/retry_jobs`, `/scheduled_jobs`, `/dead_jobs`.
///
/// `/healthz` tells whether the server can work, `/metrics` gives its numbers to Prometheus.
///
/// It runs until Ctrl-C, SIGTERM or SIGHUP, and then finishes the requests that it has; a second
/// signal ends it now.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// What to serve: any queues. Pages show all of them; programs work on the first file of queues,
    /// `sqlite:PATH`, and on the first namespace of jobs, `redis://HOST/DB?namespace=NAME`. Default:
    /// `$KAKEHI_QUEUE`, else `sqlite:` in the user's data folder
    #[arg(value_name = "URL")]
    urls: Vec<String>,

    /// A store whose readings pages show, `sqlite:PATH?collection=NAME` or
    /// `mongodb://HOST/DB?collection=NAME`; may be given again
    #[arg(long = "store", value_name = "URL")]
    stores: Vec<String>,

    /// The zone of the times and days on pages, as `Asia/Tokyo`. Default: this machine's
    #[arg(long, value_name = "ZONE", value_parser = timezone::parse)]
    timezone: Option<Tz>,

    /// Show only: no page and no program changes anything
    #[arg(long, conflicts_with = "queues")]
    read_only: bool,

    /// Where to listen. Other machines reach it only where this is not 127.0.0.1: then a token is
    /// needed. Port 0 is any that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7070")]
    listen: String,

    /// A `queue.yaml` as App Engine had it: its pull queues are made where they are missing
    #[arg(long, value_name = "FILE")]
    queues: Option<PathBuf>,

    /// A file with the token that each client has to show (`Authorization: Bearer TOKEN`), of at
    /// least 16 characters. Default: the file that `$KAKEHI_TOKEN_FILE` names
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// A name by which clients reach the server, besides its address and `localhost`; may be given
    /// again. Requests to other names are refused: a web page could have sent them
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,

    /// How long the requests that are being served may take after a signal
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::duration)]
    pub(super) grace: Duration,
}

impl Serve {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let (urls, options) = self.resolve(context)?;
        let server = Server::bind(self.server(context)?).await?;
        let clock = options.clock.clone();
        let shown = self.shown(context, urls.clone(), options.clone()).await?;
        let Opened { tasks: queues, jobs } = Opened::of(urls, &options).await?;
        let declared = self.declared(queues.as_deref()).await?.into();
        say(&format!("listening on http://{}\n", server.address()));
        context.finishes.set(true);
        let stopping = server.stopping();
        let served =
            |queues| Served { queues, declared, clock: clock.clone(), stopping: stopping.clone() };
        let tasks = queues.clone().map(served);
        let content = Content { tasks, jobs, shown, clock: clock.clone() };
        serve::serve(server, content, context.program.signals.shutdown(), self.grace).await;
        match queues {
            Some(queues) => queues.close().await,
            None => Ok(()),
        }
    }

    /// The URLs that are served, and the options that they are opened with.
    fn resolve(&self, context: &QueueContext<'_>) -> Result<(Vec<Location>, queues::Options)> {
        let environment = &context.program.environment;
        let urls = match self.urls.as_slice() {
            [] => vec![cli::url_or(None, "KAKEHI_QUEUE", environment)?],
            urls => urls.iter().map(|url| Location::parse(url)).collect::<Result<_>>()?,
        };
        let data_dir = cli::data_dir(environment, &urls.iter().collect::<Vec<_>>())?;
        Ok((urls, queues::Options::new(environment.clone(), data_dir)))
    }

    /// What pages show.
    async fn shown(
        &self,
        context: &QueueContext<'_>,
        queues: Vec<Location>,
        options: queues::Options,
    ) -> Result<Shown> {
        let environment = &context.program.environment;
        let stores = self.opened_stores(context).await?;
        let spool = environment.data_dir().ok().map(|folder| folder.join(spool::FILE));
        let timezone = timezone::of(self.timezone, environment)?;
        Ok(Shown { queues, options, stores, spool, timezone, read_only: self.read_only })
    }

    /// The stores that pages show. Nothing is read yet: one that is down is told by its page.
    async fn opened_stores(&self, context: &QueueContext<'_>) -> Result<Vec<Arc<dyn Store>>> {
        let environment = &context.program.environment;
        let urls: Vec<_> =
            self.stores.iter().map(|url| Location::parse(url)).collect::<Result<_>>()?;
        let data_dir = cli::data_dir(environment, &urls.iter().collect::<Vec<_>>())?;
        let options =
            readings::Options::new(environment.clone(), data_dir, environment.cache_dir());
        let mut stores = Vec::new();
        for url in urls {
            stores.push(Arc::from(readings::open(url, &options).await?));
        }
        Ok(stores)
    }

    /// What the file of queues says, which is about tasks.
    async fn declared(&self, queues: Option<&dyn TaskQueues>) -> Result<Declared> {
        match (self.queues.as_deref(), queues) {
            (None, _) => Ok(Declared::default()),
            (Some(file), Some(queues)) => queue_yaml::apply(file, queues).await,
            (Some(_), None) => Err(Error::new(
                Kind::Usage,
                "`--queues` declares queues of tasks, and none is served",
            )
            .hint("add the file that they are in: `sqlite:PATH`")),
        }
    }

    fn server(&self, context: &QueueContext<'_>) -> Result<Options> {
        let named = context.program.environment.os(TOKEN_FILE).map(Path::new);
        let token = self.token_file.as_deref().or(named).map(Token::read).transpose()?;
        let (listen, hosts) = (self.listen.clone(), self.hosts.clone());
        Ok(Options { listen, hosts, token, limits: Limits::default(), words: WORDS })
    }
}

/// Says where it listens: who has started it may wait for that. Where nobody reads it, it listens
/// all the same.
fn say(text: &str) {
    drop(io::stderr().write_all(text.as_bytes()));
}

/// What was opened to be served.
#[derive(Default)]
struct Opened {
    tasks: Option<Arc<dyn TaskQueues>>,
    jobs: Option<Arc<dyn Jobs>>,
}

impl Opened {
    /// Opens the URLs: of each kind the first, as the paths of programs are those of one.
    async fn of(urls: Vec<Location>, options: &queues::Options) -> Result<Self> {
        let mut opened = Self::default();
        for url in urls {
            let shown = url.to_string();
            // A URL that means nothing is told here, however late its queue is looked at.
            queues::key(&url, options)?;
            let is_second = match open(url, options).await? {
                Servable::Tasks(tasks) => is_second_of(&mut opened.tasks, tasks),
                Servable::Jobs(jobs) => is_second_of(&mut opened.jobs, jobs),
                Servable::Pages => false,
            };
            if is_second {
                tracing::warn!(
                    "`{shown}` is shown to people only: programs work on the first of its kind"
                );
            }
        }
        Ok(opened)
    }
}

/// Opens what is served of a URL. Jobs whose server is down are opened later, by whoever finds it up.
async fn open(url: Location, options: &queues::Options) -> Result<Servable> {
    match queues::open_served(url.clone(), options).await {
        Err(error) if error.kind() == Kind::Unreachable && has_jobs(&url, options).await? => {
            tracing::warn!("served once it is up: {}", error.one_line());
            Ok(Servable::Jobs(Arc::new(LateJobs::new(url, options.clone()))))
        }
        opened => opened,
    }
}

async fn has_jobs(url: &Location, options: &queues::Options) -> Result<bool> {
    Ok(queues::named(url, options).await?.iter().any(|queue| queue.has_jobs))
}

/// Keeps what was opened first; whether that was another one.
fn is_second_of<T>(kept: &mut Option<T>, opened: T) -> bool {
    let is_second = kept.is_some();
    kept.get_or_insert(opened);
    is_second
}
