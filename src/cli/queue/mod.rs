//! The command line of `queue`.

mod ack;
mod arguments;
mod check;
mod context;
mod counts;
mod create;
mod dead;
mod delete;
mod extend;
mod format;
mod get;
mod jobs;
mod lease;
mod list;
mod pause;
mod peek;
mod purge;
mod receipts;
mod release;
mod repair;
mod resume;
mod scheduled;
#[cfg(feature = "serve")]
mod serve;
mod show;
mod stats;
mod tail;
mod verify;

use super::acting::{act, nothing_to_do};
use super::tell::Form;
use super::{Basics, Context, Program};
use crate::error::Result;
use crate::report;
use ack::Ack;
use check::Check;
use clap::{Args, Subcommand};
use context::QueueContext;
use create::Create;
use dead::Dead;
use delete::Delete;
use extend::Extend;
use get::Get;
use lease::Lease;
use list::List;
use pause::Pause;
use peek::Peek;
use purge::Purge;
use release::Release;
use repair::Repair;
use resume::Resume;
use scheduled::Scheduled;
#[cfg(feature = "serve")]
use serve::Serve;
use show::Show;
use stats::Stats;
use std::cell::Cell;
use std::time::Duration;
use tail::Tail;
use verify::Verify;

const EXAMPLES: &str = "\
Examples:
  How much waits, and since when, for a person and for a program:
    queue stats sqlite:queue.db
    queue stats sqlite:queue.db --json
  The queues of a file; the three oldest messages of one, without taking them; all of one message:
    queue list queue.db
    queue peek sqlite:queue.db -n 3
    queue show sqlite:queue.db ID
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

/// What to do: each action is a file of its own, with its arguments and its help.
#[derive(Debug, Subcommand)]
enum Action {
    List(List),
    Stats(Stats),
    Peek(Peek),
    Tail(Tail),
    Get(Get),
    Show(Show),
    #[command(subcommand)]
    Dead(Dead),
    #[command(subcommand)]
    Scheduled(Scheduled),
    Lease(Lease),
    Ack(Ack),
    Extend(Extend),
    Release(Release),
    Create(Create),
    Pause(Pause),
    Resume(Resume),
    Purge(Purge),
    Delete(Delete),
    Check(Box<Check>),
    Verify(Verify),
    Repair(Repair),
    #[cfg(feature = "serve")]
    Serve(Serve),
}

impl Action {
    /// Does it, from opening the queue to the last line.
    async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Stats(stats) => stats.run(context).await,
            Self::Peek(peek) => peek.run(context).await,
            Self::Tail(tail) => tail.run(context).await,
            Self::Get(get) => get.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Dead(dead) => dead.run(context).await,
            Self::Scheduled(scheduled) => scheduled.run(context).await,
            Self::Lease(lease) => lease.run(context).await,
            Self::Ack(ack) => ack.run(context).await,
            Self::Extend(extend) => extend.run(context).await,
            Self::Release(release) => release.run(context).await,
            Self::Create(create) => create.run(context).await,
            Self::Pause(pause) => pause.run(context).await,
            Self::Resume(resume) => resume.run(context).await,
            Self::Purge(purge) => purge.run(context).await,
            Self::Delete(delete) => delete.run(context).await,
            Self::Check(check) => check.run(context).await,
            Self::Verify(verify) => verify.run(context).await,
            Self::Repair(repair) => repair.run(context).await,
            #[cfg(feature = "serve")]
            Self::Serve(serve) => serve.run(context).await,
        }
    }

    /// How long what is in flight may take after a signal; without end where that is always short.
    fn grace(&self) -> Duration {
        match self {
            #[cfg(feature = "serve")]
            Self::Serve(serve) => serve.grace,
            _ => Duration::MAX,
        }
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

    fn grace(&self) -> Duration {
        self.action.as_ref().map_or(Duration::MAX, Action::grace)
    }

    async fn run(self, program: &Context) -> Result<()> {
        let action = self.action.ok_or_else(nothing_to_do::<Self>)?;
        let form = Form::of(self.json);
        let context = QueueContext { program, form, finishes: Cell::new(false) };
        act(program, &context.finishes, action.run(&context)).await
    }
}
