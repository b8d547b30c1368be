//! The command line of `queue`.

use super::{Basics, EXIT_CODES, Program, Scene};
use crate::error::{Error, Kind, Result};
use crate::inspect::{self, Form};
use crate::location::Location;
use crate::queues::{self, Inspect, Options};
use crate::report;
use clap::{Args, Subcommand};
use std::io::{self, Write as _};

const EXAMPLES: &str = "\
Examples:
  How much waits, and since when, for a person and for a program:
    queue stats sqlite:queue.db
    queue stats sqlite:queue.db --json";

/// The arguments of `queue`.
#[derive(Debug, Args)]
pub struct Queue {
    #[command(subcommand)]
    action: Option<Action>,

    /// Tell it in lines of JSON
    #[arg(long, global = true)]
    json: bool,

    #[command(flatten)]
    basics: Basics,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Action {
    /// Count what a queue holds: ready, waiting, scheduled, leased and dead messages, the age of
    /// the oldest one that is not dead, the sizes of the file and its log
    Stats(Where),
}

/// A queue that may be left out.
#[derive(Debug, Args)]
struct Where {
    /// The queue: `sqlite:PATH?queue=NAME`. Default: `$KAKEHI_QUEUE`, else `sqlite:` in the user's
    /// data folder
    #[arg(value_name = "URL")]
    url: Option<String>,
}

impl Program for Queue {
    const PROGRAM: Option<report::Program> = None;
    const NAME: &'static str = "queue";

    fn command() -> clap::Command {
        Self::augment_args(clap::Command::new(Self::NAME))
            .version(env!("CARGO_PKG_VERSION"))
            .about("queue looks inside a queue and mends it")
            .long_about(None)
            .max_term_width(80)
            .arg_required_else_help(true)
            .after_help(format!("{EXAMPLES}\n\n{EXIT_CODES}"))
    }

    fn basics(&self) -> &Basics {
        &self.basics
    }

    async fn run(self, scene: &Scene) -> Result<()> {
        let Some(action) = self.action else {
            return Err(Error::new(Kind::Usage, "there is nothing to do")
                .hint("`queue --help` lists what there is"));
        };
        let desk = Desk { scene, form: if self.json { Form::Json } else { Form::Human } };
        tokio::select! {
            result = desk.perform(action) => result,
            // Whatever was written is written as a whole, or not at all.
            () = scene.signals.shutdown() => Ok(()),
        }
    }
}

/// Where an action is carried out.
struct Desk<'s> {
    scene: &'s Scene,
    form: Form,
}

impl Desk<'_> {
    async fn perform(&self, action: Action) -> Result<()> {
        match action {
            Action::Stats(place) => {
                let queue = self.open(place.url.as_deref()).await?;
                say(&inspect::stats(&queue.stats().await?, self.form)).map(drop)
            }
        }
    }

    async fn open(&self, url: Option<&str>) -> Result<Box<dyn Inspect>> {
        let (url, options) = self.place(url)?;
        queues::open_inspector(url, &options).await
    }

    fn place(&self, url: Option<&str>) -> Result<(Location, Options)> {
        let environment = &self.scene.environment;
        let url = super::url_or(url, "KAKEHI_QUEUE", environment)?;
        let data_dir = super::data_dir(environment, &[&url])?;
        Ok((url, Options::new(environment.clone(), data_dir)))
    }
}

/// Writes to stdout; `false` where nobody reads it any more.
fn say(text: &str) -> Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(cause) => Err(Error::new(Kind::Failed, "cannot write to stdout").because(cause)),
    }
}
