//! The command line of `store`.

mod arguments;
mod chart;
mod context;
mod csv_rows;
mod documents;
mod export;
mod format;
mod import;
mod latest;
mod list;
mod prune;

use super::acting::{act, nothing_to_do};
use super::metrics::IMPORT;
use super::tell::Form;
use super::{Basics, Context, Metrics, Program};
use crate::error::Result;
use crate::report;
use chart::DrawChart;
use clap::{Args, Subcommand};
use context::StoreContext;
use export::Export;
use import::Import;
use latest::ShowLatest;
use list::List;
use prune::Prune;
use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  The newest values of each room, and how old they are:
    store latest sqlite:store.db
  What came in the last hour and is too warm:
    store list sqlite:store.db --since 1h --where '.newest_events.te.val > 28'
  The temperatures of a week, in the terminal and as a picture:
    store chart sqlite:store.db --field te --since 7d
    store chart sqlite:store.db --field te --since 7d --svg te.svg
  Every reading for a spreadsheet, and every document as it is:
    store export sqlite:store.db --csv >readings.csv
    store export sqlite:store.db --jsonl >store.jsonl
  From one store into another one, ids kept:
    store import sqlite:store.db --to sqlite:other.db
  What is older than a year: show it, then remove it:
    store prune sqlite:store.db --older-than 365d
    store prune sqlite:store.db --older-than 365d --yes";

/// The arguments of `store`.
#[derive(Debug, Args)]
pub struct Store {
    #[command(subcommand)]
    action: Option<Action>,

    /// Tell it in lines of JSON
    #[arg(long, global = true)]
    json: bool,

    #[command(flatten)]
    metrics: Metrics,

    #[command(flatten)]
    basics: Basics,
}

/// What to do: each action is a file of its own, with its arguments and its help.
#[derive(Debug, Subcommand)]
enum Action {
    Latest(ShowLatest),
    List(List),
    Chart(DrawChart),
    Export(Export),
    Import(Import),
    Prune(Prune),
}

impl Action {
    /// What it is called.
    fn name(&self) -> &'static str {
        match self {
            Self::Latest(_) => "latest",
            Self::List(_) => "list",
            Self::Chart(_) => "chart",
            Self::Export(_) => "export",
            Self::Import(_) => IMPORT,
            Self::Prune(_) => "prune",
        }
    }

    /// Does it, from opening the store to the last line.
    async fn run(self, context: &StoreContext<'_>) -> Result<()> {
        match self {
            Self::Latest(latest) => latest.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Chart(chart) => chart.run(context).await,
            Self::Export(export) => export.run(context).await,
            Self::Import(import) => import.run(context).await,
            Self::Prune(prune) => prune.run(context).await,
        }
    }
}

impl Program for Store {
    const PROGRAM: Option<report::Program> = None;
    const NAME: &'static str = "store";
    const ABOUT: &'static str =
        "store shows what arrived, and exports, imports and prunes what is stored";
    const EXAMPLES: &'static str = EXAMPLES;

    fn command() -> clap::Command {
        super::command::<Self>().arg_required_else_help(true)
    }

    fn basics(&self) -> &Basics {
        &self.basics
    }

    fn metrics(&self) -> Option<&Path> {
        self.metrics.metrics.as_deref()
    }

    fn grace(&self) -> Duration {
        Duration::MAX
    }

    async fn run(self, program: &Context) -> Result<()> {
        let action = self.action.ok_or_else(nothing_to_do::<Self>)?;
        let form = Form::of(self.json);
        let does = action.name();
        let context = StoreContext { program, form, does, finishes: Cell::new(false) };
        act(program, &context.finishes, action.run(&context)).await
    }
}
