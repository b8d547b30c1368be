//! `store import`: from one store into another one.

mod copy;

use super::arguments::{NamedStore, Since, StoreUrl};
use super::context::{StoreContext, closing};
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::location::Location;
use crate::queues::QUEUES;
use crate::readings::Shapes;
use crate::sinks::{self, SINKS};
use clap::Args;
use copy::Copying;

/// Write the documents of a store into another sink, ids kept
///
/// From SQLite to MongoDB, or back, in one command. What is there already counts as a duplicate, so
/// an import that was ended is run again. What the sink refuses is named, and makes the exit code 65.
#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(flatten)]
    store: NamedStore,

    /// The sink: `sqlite:PATH?collection=NAME`, `mongodb://HOST/DB?collection=NAME`, or another one of
    /// `subscribe --to`, but for a queue
    #[arg(long, value_name = "SINK")]
    to: String,

    #[command(flatten)]
    since: Since,
}

impl Import {
    pub(super) async fn run(self, context: &StoreContext<'_>) -> Result<()> {
        let Self { store, to, since } = self;
        let store = StoreUrl::from(store);
        let (from, to) = (context.url(&store)?, Location::parse(&to)?);
        refuse_queue(&from, &to)?;
        refuse_itself(&from, &to, context)?;
        let since = since.start(context.options(&from)?.clock.now());
        let opened = context.open(&store).await?;
        let mut coming = opened.documents(since).await?;
        let options = context.sink_options(&[&from, &to])?;
        let sink = sinks::open(to, &options).await?;
        context.finishes.set(true);
        let mut copying = Copying::new(&*sink, &context.program.signals);
        let copied = copying.run(&mut coming).await;
        let counts = copying.counts;
        counts.count_in(&context.program.counters);
        let closed = sink.close().await;
        context.tell(&counts.text(), &counts.json())?;
        closing(opened, copied.and(closed)).await?;
        counts.refuse()
    }
}

/// Refuses a queue, by its own URL or behind `forward:`: what is exported can be published there.
fn refuse_queue(from: &Location, to: &Location) -> Result<()> {
    let is = |schemes: Vec<&str>| schemes.contains(&to.scheme());
    let queue = match sinks::queue(to)? {
        None if is(SINKS.schemes()) || !is(QUEUES.schemes()) => return Ok(()),
        None => to.clone(),
        Some(queue) => queue,
    };
    let (store, queue) = (from.to_string(), queue.to_string());
    let export = hint::command(["store", "export", &store, "--jsonl"]);
    let publish = hint::command(["publish", "stdin:?envelope", "--to", &queue]);
    Err(Error::new(Kind::Usage, format!("cannot import into `{to}`"))
        .because_of("it is a queue, and no store")
        .hint(format!("pipe {export} into {publish}")))
}

/// Refuses a store as its own sink.
fn refuse_itself(from: &Location, to: &Location, context: &StoreContext<'_>) -> Result<()> {
    let options = context.sink_options(&[from, to])?;
    let mut store = from.clone();
    Shapes::take(&mut store, "")?; // how documents are read is nothing to a sink
    match sinks::identity(&store, &options)? == sinks::identity(to, &options)? {
        true => Err(Error::new(Kind::Usage, format!("cannot import `{from}` into `{to}`"))
            .because_of("they are the same store")
            .hint("name another file or collection behind `--to`")),
        false => Ok(()),
    }
}
