//! The command line of `queue`.

mod check;
mod context;
mod counting;
mod file;
mod format;
mod looking;
mod mending;
mod receipts;
mod taken;
mod upkeep;

use super::names::QueueNames;
use super::{Basics, Context, Program, positive};
use crate::descriptors::Standard;
use crate::error::{Error, Kind, Result};
use crate::report;
use check::Check;
use clap::{Args, Subcommand};
use context::QueueContext;
use format::Form;
use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  How much waits, and since when, for a person and for a program:
    queue stats sqlite:queue.db
    queue stats sqlite:queue.db --json
  The three oldest messages, without taking them:
    queue peek sqlite:queue.db -n 3
  What was given up, and why; once the cause is mended, try it all again:
    queue dead list sqlite:queue.db
    queue dead redrive sqlite:queue.db --all
    queue dead redrive sqlite:queue.db --all --yes
  Work a message from the shell: take it, and acknowledge it by its receipt:
    receipt=$(queue lease sqlite:queue.db | awk 'NR == 1 { print $1 }') && \\
      queue ack sqlite:queue.db $receipt
  A second reader for what is published to the queue `default`:
    queue create 'sqlite:queue.db?queue=alerts&topic=default'
  Whether a pipeline would work, before anything runs through it:
    queue check --from sqlite:queue.db --to sqlite:store.db
  Whether a file is in order, for instance after a power cut; save what is left:
    queue verify queue.db
    queue repair queue.db";

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
    /// the oldest one that is not dead, the sizes of the file and its log. Pub/Sub does not count,
    /// SQS does so roughly: there it tells how the queue is set up. Beside it, what waits in the
    /// spool of `publish` for this queue, and the spool's dead letters
    Stats(Count),

    /// Look at messages without taking them, in the order of their publishing and whatever their
    /// state; control characters are made visible. On Pub/Sub and SQS only with `--take`
    Peek(Peek),

    /// Work on dead letters
    #[command(subcommand)]
    Dead(Dead),

    /// Take messages out for some time, each with a receipt; one that is not settled in time is
    /// offered again
    Lease(Lease),

    /// Forget messages whose work is done
    Ack(Settle),

    /// Keep messages for longer
    Extend(Extend),

    /// Give messages back, to be offered again now; the attempt does not count
    Release(Settle),

    /// Make a queue, and its file where that is missing. `?queue=alerts&topic=default` makes a
    /// queue that receives, from then on, what is published to `default`, beside that queue
    /// itself and in the same transaction; `queue delete` ends it. On Pub/Sub a subscription, its
    /// topic (`?topic=NAME`) and a place for its dead letters; on SQS a queue, one for its dead
    /// letters, and the redrive policy between the two
    Create(Where),

    /// Remove every message, leased ones included; dead letters stay. Without `--yes` only show
    /// what would be removed. On Pub/Sub it seeks to now; SQS does it once a minute
    Purge(Sure),

    /// Delete a queue with all that it holds, dead letters included; the file stays. No other
    /// program may have the file open. On Pub/Sub it is the subscription; topics and dead letters
    /// stay. Without `--yes` only show what would be deleted
    Delete(Sure),

    /// Touch each end of a pipeline and tell whether it would work, a line for each thing: `ok`,
    /// `wrong` or `unknown`. It moves no message, and leaves nothing behind
    Check(Check),

    /// Read a whole file and tell whether it is in order: SQLite's structure, and that messages,
    /// bodies, states, groups and counts agree. It writes nothing
    Verify(Verify),

    /// Save what can be saved of a damaged file into `FILE.repaired`, and name what cannot: a file
    /// left by a power cut, cut short, or with pages that are not what they were. What was leased
    /// is ready; a message that is not whole becomes a dead letter. No other program may have the
    /// file open, and nothing in it is changed
    Repair(Repair),
}

/// The arguments of `queue stats`.
#[derive(Debug, Args)]
struct Count {
    #[command(flatten)]
    place: Where,

    /// The spool of `publish`, of which is counted what is meant for this queue. Default:
    /// `spool.db` in the user's data folder
    #[arg(long, value_name = "PATH")]
    spool: Option<PathBuf>,
}

/// The arguments of `queue verify`.
#[derive(Debug, Args)]
struct Verify {
    /// The file of an embedded queue
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// The arguments of `queue repair`.
#[derive(Debug, Args)]
struct Repair {
    /// The file of an embedded queue
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Put the new file in its place, and keep the damaged one and its log as `FILE.damaged`
    #[arg(long)]
    yes: bool,
}

/// The arguments of `queue lease`.
#[derive(Debug, Args)]
struct Lease {
    #[command(flatten)]
    place: Where,

    /// At most this many messages
    #[arg(short = 'n', value_name = "N", default_value = "1", value_parser = positive)]
    max: usize,

    /// Only messages of this group, in their order; none while some of it are leased
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,

    #[command(flatten)]
    time: Time,
}

/// How long a lease is.
#[derive(Debug, Args)]
struct Time {
    /// How long they are leased from now
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = lease_time)]
    time: Duration,
}

/// The arguments of `queue ack` and `queue release`.
#[derive(Debug, Args)]
struct Settle {
    #[command(flatten)]
    place: There,

    /// What `queue lease` gave
    #[arg(value_name = "RECEIPT", required = true)]
    receipts: Vec<String>,
}

/// The arguments of `queue extend`.
#[derive(Debug, Args)]
struct Extend {
    #[command(flatten)]
    settle: Settle,

    #[command(flatten)]
    time: Time,
}

/// A queue, and whether it is meant.
#[derive(Debug, Args)]
struct Sure {
    #[command(flatten)]
    place: There,

    /// Do it
    #[arg(long)]
    yes: bool,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
enum Dead {
    /// Show them with their bodies, the oldest first
    List(List),

    /// Put them back to the end of the queue, with no attempt counted; without `--yes` only show
    /// what would be put back. On Pub/Sub into the topic, for all its subscriptions
    Redrive(Mend),

    /// Forget them, bodies and all; without `--yes` only show what would be forgotten
    Drop(Mend),
}

/// The arguments of `queue peek`.
#[derive(Debug, Args)]
struct Peek {
    #[command(flatten)]
    place: Where,

    /// At most this many messages
    #[arg(short = 'n', value_name = "N", default_value = "10", value_parser = positive)]
    max: usize,

    /// Look at dead letters instead
    #[arg(long)]
    dead: bool,

    #[command(flatten)]
    take: Take,
}

/// What it takes to look where looking is receiving.
#[derive(Debug, Args)]
struct Take {
    /// Where looking is receiving (Pub/Sub, SQS): take messages, show them and give them back. It
    /// says what that costs. Elsewhere nothing is taken
    #[arg(long)]
    take: bool,

    /// Where looking is receiving: how long to wait for more before it is over
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    idle: Duration,
}

/// The arguments of `queue dead list`.
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    place: Where,

    /// Only those of the messages with these ids
    #[arg(long, value_name = "ID", num_args = 1..)]
    id: Vec<String>,

    /// At most this many. Default: all
    #[arg(short = 'n', value_name = "N", value_parser = positive)]
    max: Option<usize>,

    #[command(flatten)]
    take: Take,
}

/// The arguments of what is done with dead letters.
#[derive(Debug, Args)]
struct Mend {
    #[command(flatten)]
    place: There,

    #[command(flatten)]
    which: Chosen,

    /// Do it
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    take: Take,
}

/// Which dead letters: nothing is chosen by saying nothing.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Chosen {
    /// Those of the messages with these ids
    #[arg(long, value_name = "ID", num_args = 1..)]
    id: Vec<String>,

    /// All of them
    #[arg(long)]
    all: bool,
}

/// A queue that may be left out.
#[derive(Debug, Args)]
struct Where {
    /// The queue: `sqlite:PATH?queue=NAME`, `pubsub://PROJECT/SUBSCRIPTION` or `sqs:NAME`. Default:
    /// `$KAKEHI_QUEUE`, else `sqlite:` in the user's data folder
    #[arg(value_name = "URL")]
    url: Option<String>,

    #[command(flatten)]
    names: QueueNames,
}

/// A queue that is named: what is done with it is not done to another one by mistake.
#[derive(Debug, Args)]
struct There {
    /// The queue: `sqlite:PATH?queue=NAME`, `pubsub://PROJECT/SUBSCRIPTION` or `sqs:NAME`
    #[arg(value_name = "URL")]
    url: String,

    #[command(flatten)]
    names: QueueNames,
}

impl From<There> for Where {
    fn from(There { url, names }: There) -> Self {
        Self { url: Some(url), names }
    }
}

/// A time of a second or more.
fn lease_time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time < Duration::from_secs(1) => Err("must be at least 1s".to_owned()),
        Ok(time) => Ok(time),
        Err(cause) => Err(cause.to_string()),
    }
}

impl Program for Queue {
    const PROGRAM: Option<report::Program> = None;
    const NAME: &'static str = "queue";
    const ABOUT: &'static str = "queue looks inside a queue and mends it";
    const EXAMPLES: &'static str = EXAMPLES;

    fn command() -> clap::Command {
        super::command::<Self>().arg_required_else_help(true)
    }

    fn basics(&self) -> &Basics {
        &self.basics
    }

    async fn run(self, context: &Context) -> Result<()> {
        let Some(action) = self.action else {
            return Err(Error::new(Kind::Usage, "there is nothing to do")
                .hint("`queue --help` lists what there is"));
        };
        // Whoever cannot be told what was done is not to have it done.
        Standard::Output.expect_open()?;
        let form = if self.json { Form::Json } else { Form::Human };
        let here = QueueContext { context, form, receiving: Cell::new(false) };
        let stopped = async {
            context.signals.shutdown().await;
            // Whatever was written is written as a whole, or not at all; what was taken is still
            // to be given back.
            if here.receiving.get() {
                std::future::pending().await
            }
        };
        tokio::select! {
            result = here.perform(action) => result,
            () = stopped => Ok(()),
        }
    }
}
