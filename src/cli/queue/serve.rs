//! `queue serve`: tasks over HTTP.

use super::context::QueueContext;
use crate::cli;
use crate::error::Result;
use crate::http_server::{Limits, Options, Server, Token};
use crate::queues;
use crate::serve;
use crate::serve::taskqueue::{Declared, Served, queue_yaml};
use crate::units;
use clap::Args;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The variable that names the file of the token.
const TOKEN_FILE: &str = "KAKEHI_TOKEN_FILE";

/// Let programs add, lease and delete tasks over HTTP
///
/// The clients of App Engine's pull queues work with it: its REST API `taskqueue/v1beta2`, its
/// `/rpc_http`, and the pull half of Cloud Tasks `v2beta2`. The tasks are the messages of the file's
/// queues, so `publish`, `subscribe` and `queue` work on them, too. An insert is on disk before it
/// is answered.
///
/// `/healthz` tells whether the server can work, `/metrics` gives its numbers to Prometheus.
///
/// It runs until Ctrl-C, SIGTERM or SIGHUP, and then finishes the requests that it has; a second
/// signal ends it now.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The file of the queues: `sqlite:PATH`. Default: `$KAKEHI_QUEUE`, else `sqlite:` in the user's
    /// data folder
    #[arg(value_name = "URL")]
    url: Option<String>,

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
        let environment = &context.program.environment;
        let url = cli::url_or(self.url.as_deref(), "KAKEHI_QUEUE", environment)?;
        let data_dir = cli::data_dir(environment, &[&url])?;
        let options = queues::Options::new(environment.clone(), data_dir);
        let server = Server::bind(self.server(context)?).await?;
        let clock = options.clock.clone();
        let queues = queues::open_tasks(url, &options).await?;
        let declared = declared(self.queues.as_deref(), &*queues).await?;
        say(&format!("listening on http://{}\n", server.address()));
        context.finishes.set(true);
        let stopping = server.stopping();
        let served = Served { queues: queues.clone(), declared: declared.into(), clock, stopping };
        serve::serve(server, served, context.program.signals.shutdown(), self.grace).await;
        queues.close().await
    }

    fn server(&self, context: &QueueContext<'_>) -> Result<Options> {
        let named = context.program.environment.os(TOKEN_FILE).map(Path::new);
        let token = self.token_file.as_deref().or(named).map(Token::read).transpose()?;
        let (listen, hosts) = (self.listen.clone(), self.hosts.clone());
        Ok(Options { listen, hosts, token, limits: Limits::default() })
    }
}

/// Says where it listens: who has started it may wait for that. Where nobody reads it, it listens
/// all the same.
fn say(text: &str) {
    drop(io::stderr().write_all(text.as_bytes()));
}

async fn declared(file: Option<&Path>, queues: &dyn queues::TaskQueues) -> Result<Declared> {
    match file {
        Some(file) => queue_yaml::apply(file, queues).await,
        None => Ok(Declared::default()),
    }
}
