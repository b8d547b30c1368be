//! The two ends of a run: what they are, and whether they may be joined.

use crate::cli::Context;
use crate::cli::watched::Watched;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::identity::Identity;
use crate::location::Location;
use crate::queues::Side;
use crate::sinks::forward::Forward;
use crate::sinks::replaced::Replaced;
use crate::sinks::{Sink, legacy};
use crate::{queues, readings, sinks};
use std::path::Path;
use std::sync::Arc;

/// What a run writes into.
#[derive(Clone, Copy)]
pub(super) enum Destination<'u> {
    Sink(&'u Location),
    /// The queue that a sink stands for.
    Queue(&'u Location),
}

impl<'u> Destination<'u> {
    pub(super) fn url(self) -> &'u Location {
        match self {
            Self::Sink(url) | Self::Queue(url) => url,
        }
    }
}

/// What both ends are.
pub(super) async fn identities(
    from: &Location,
    into: Destination<'_>,
    context: &Context,
    data_dir: &Path,
) -> Result<[Identity; 2]> {
    let (environment, folder) = (context.environment.clone(), data_dir.to_owned());
    let options = queues::Options::new(environment.clone(), folder.clone());
    let from = queues::identity(from, Side::From, &options).await?;
    let into = match into {
        Destination::Queue(url) => queues::identity(url, Side::Into, &options).await?,
        Destination::Sink(url) => sinks::identity(url, &sinks::Options::new(environment, folder))?,
    };
    Ok([from, into])
}

/// What both ends are called in what is kept on disk.
pub(super) fn kept_names(
    from: &Location,
    into: Destination<'_>,
    context: &Context,
    data_dir: &Path,
) -> Result<[String; 2]> {
    let (environment, folder) = (context.environment.clone(), data_dir.to_owned());
    let options = queues::Options::new(environment.clone(), folder.clone());
    let key = |url| queues::key(url, &options).map(|key| key.name().to_owned());
    let into = match into {
        Destination::Queue(url) => key(url)?,
        Destination::Sink(url) => {
            let options = sinks::Options::new(environment, folder);
            sinks::identity(url, &options)?.name().to_owned()
        }
    };
    Ok([key(from)?, into])
}

/// Refuses the file of the queue as the file of a store, before anything is made.
pub(super) fn refuse_one_file(
    queue: &Location,
    sink: &Location,
    context: &Context,
    data_dir: &Path,
) -> Result<()> {
    let (environment, folder) = (context.environment.clone(), data_dir.to_owned());
    let options = queues::Options::new(environment.clone(), folder.clone());
    let Some(file) = queues::file(queue, &options)? else { return Ok(()) };
    let sink_is = sinks::identity(sink, &sinks::Options::new(environment, folder))?;
    match sink_is.is_in(&file) {
        true => Err(Error::new(Kind::Usage, format!("cannot store in `{sink}` from `{queue}`"))
            .because_of("they are the same file")
            .hint("name another file for the store")),
        false => Ok(()),
    }
}

/// Opens a queue as a sink. The same one on both sides is refused: it would call what it holds a
/// duplicate of itself, and then forget it.
pub(super) async fn open_forward(
    from: &Location,
    mut to: Location,
    environment: &Environment,
    data_dir: &Path,
) -> Result<Box<dyn Sink>> {
    let legacy = legacy::take(&mut to)?;
    let options = queues::Options {
        passes_on: true,
        ..queues::Options::new(environment.clone(), data_dir.to_owned())
    };
    if queues::leads_back(from, &to, &options).await? {
        return Err(Error::new(Kind::Usage, format!("cannot forward `{from}` to `{to}`"))
            .because_of("they are the same queue, or one receives what the other is given")
            .hint("name another queue behind `forward:`"));
    }
    let sink = Box::new(Forward::to(queues::open_publisher(to, &options).await?));
    Ok(match legacy {
        Some(legacy) => legacy.before(sink),
        None => sink,
    })
}

/// Says what the run is between, as the URLs were understood.
pub(super) fn say_ends(context: &Context, from: &Location, into: Destination<'_>, data_dir: &Path) {
    let (environment, folder) = (context.environment.clone(), data_dir.to_owned());
    let options = queues::Options::new(environment.clone(), folder.clone());
    let from = queues::describe(from, Side::From, &options);
    let into = match into {
        Destination::Queue(url) => queues::describe(url, Side::Into, &options),
        Destination::Sink(url) => sinks::describe(url, &sinks::Options::new(environment, folder)),
    };
    context.say_ends(from, into);
}

/// Says which queue the run empties, before anything is known of the sink: what waits matters most while
/// that is down.
pub(super) fn watch(context: &Context, from: &Location, data_dir: &Path) {
    let options = queues::Options::new(context.environment.clone(), data_dir.to_owned());
    let name = queues::describe(from, Side::From, &options);
    context.watch(Watched::new(from, name, &options, None));
}

/// Whom a sink tells of documents that it replaces: what is kept of their readings.
pub(super) fn replaced(
    sink: &Location,
    environment: &Environment,
    data_dir: &Path,
) -> Option<Arc<dyn Replaced>> {
    let kept = readings::kept(sink, data_dir, &environment.cache_dir())?;
    Some(Arc::new(kept))
}
