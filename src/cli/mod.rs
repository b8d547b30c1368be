//! What the programs share: arguments, logging, signals, the lock, the summary, exit codes.
//!
//! A program is a [`Program`]; its door in `src/bin` calls [`holder::open`] with the arguments and
//! the environment, prints the [`Ending`] and exits with its code.

mod acting;
mod arguments;
mod bodies;
mod colours;
mod completions;
mod configuration;
pub mod cut;
mod ending;
mod failing;
pub mod failpoints;
pub mod generate;
pub mod holder;
pub mod launcher;
pub mod lock;
pub mod logging;
mod manual;
pub mod masks;
mod metrics;
pub mod names;
pub mod programs;
pub mod progress;
pub mod publish;
pub mod queue;
mod reporter;
mod run;
mod shelf;
mod show;
pub mod signals;
pub mod store;
pub mod subscribe;
mod summary;
mod table;
mod tags;
pub mod tell;
pub mod timezone;
mod urls;
mod watched;
mod whole_file;
mod withheld;

pub use arguments::{Basics, Common, LogFormat, Metrics, OnFailure, SummaryForm};
pub use ending::Ending;
pub use run::run;

use crate::checkins::Checkins;
use crate::clients::sqlite;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::location::Location;
use crate::report::{self, Counters, Ends};
use crate::units;
use clap::Args;
use failing::Failing;
use run::CLOSING;
use signals::Signals;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use watched::Watched;
use withheld::Withheld;

/// What `--help` ends with, in every program.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  done, or nothing to do
    1  failed
    2  usage: the command line is wrong
   65  done, but some messages were refused or became dead letters
   69  the source, the queue or the sink cannot be reached; nothing is lost
   70  a bug of ours
   75  not now: kept in the spool or the queue, and tried again by a later run
   77  credentials were refused
   78  configuration: a file, a feature or a limit is wrong
  129  hung up: the terminal or the line was closed (SIGHUP)
  130  interrupted (Ctrl-C)
  143  terminated (SIGTERM)";

/// One of the programs.
pub trait Program: Args {
    /// The loop whose progress and summary the program tells; `None` where it runs none.
    const PROGRAM: Option<report::Program>;
    /// The program's name on the command line.
    const NAME: &'static str;
    /// The sentence that its help opens with.
    const ABOUT: &'static str;
    /// What its help ends with, before the exit codes.
    const EXAMPLES: &'static str;

    /// The whole command line, for parsing, help, completions and the man page.
    fn command() -> clap::Command {
        command::<Self>()
    }

    /// The flags that every program has.
    fn basics(&self) -> &Basics;

    /// The form of the summary of the loop.
    fn summary(&self) -> SummaryForm {
        SummaryForm::None
    }

    /// The file that numbers of the run are written into.
    fn metrics(&self) -> Option<&Path> {
        None
    }

    /// Whether the run's own data goes to stdout.
    fn shows_data(&self, _environment: &Environment) -> bool {
        false
    }

    /// How long what is in flight may take after a signal; without end where that is always short.
    fn grace(&self) -> Duration {
        Duration::MAX
    }

    /// How long the program may take after a second signal, to keep what nobody else has.
    fn last_moment(&self) -> Duration {
        Duration::ZERO
    }

    /// Runs the program; counts as it goes.
    fn run(self, context: &Context) -> impl Future<Output = Result<()>>;
}

/// The command line of a program, with what all of them have in common.
fn command<P: Program>() -> clap::Command {
    P::augment_args(clap::Command::new(P::NAME))
        .version(env!("CARGO_PKG_VERSION"))
        .about(P::ABOUT)
        .long_about(None)
        .max_term_width(80)
        .after_help(format!("Every flag, with examples and the exit codes: `{} --help`", P::NAME))
        .after_long_help(format!("{}\n\n{EXIT_CODES}", P::EXAMPLES))
}

/// What a program is given besides its arguments.
pub struct Context {
    /// The environment of the program.
    pub environment: Environment,
    /// What the run counts.
    pub counters: Counters,
    /// Ctrl-C, SIGTERM and SIGHUP.
    pub signals: Signals,
    /// What the run is between, for its summary; said once the command line is understood.
    pub ends: OnceLock<Ends>,
    /// What jobs say of themselves.
    pub checkins: Checkins,
    /// The queue of the run, for whoever wants to know how much is left; said once it is known.
    watched: OnceLock<Watched>,
    /// Whether runs between the same ends failed before; said once the ends are known, and not where
    /// nothing can be told by this run.
    failing: OnceLock<Failing>,
    /// Log lines that are kept back.
    withheld: Withheld,
    /// The exit code, where somebody asked for other codes than ours.
    code: OnceLock<u8>,
}

impl Context {
    /// Ends a run that does not fail with this exit code, in the codes of whoever asked.
    fn end_with(&self, code: u8) {
        self.code.get_or_init(|| code);
    }

    /// Has this run told of only where it does not fail as runs between these ends did before. The
    /// ends are named by what outlives them.
    fn tell_first_failures(&self, program: &str, ends: [&str; 2]) -> Result<()> {
        let path = failing::path(&self.environment.data_dir()?, program, ends);
        self.failing.get_or_init(|| Failing::open(path, &self.withheld));
        Ok(())
    }

    /// Whether this failure was told before, and is not to be told again.
    fn was_told(&self, error: &Error) -> bool {
        self.failing.get().is_some_and(|failing| failing.knows(error))
    }

    /// Says which queue the run works on.
    fn watch(&self, queue: Watched) {
        self.watched.get_or_init(|| queue);
    }

    /// Says what the run is between.
    fn say_ends(&self, from: String, into: String) {
        self.ends.get_or_init(|| Ends { from, into });
    }
}

/// Parses a whole number from 1.
fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(cause) => Err(cause.to_string()),
    }
}

/// Parses a number of bytes from 1, with or without a unit.
fn bytes(text: &str) -> Result<usize, String> {
    units::bytes(text, 1..=usize::MAX)
}

/// An end's URL: the argument, else the variable, else `sqlite:` in the data folder.
fn url_or(given: Option<&str>, variable: &str, environment: &Environment) -> Result<Location> {
    let typed = given.or(environment.get(variable)?).unwrap_or("sqlite:");
    match variable {
        "KAKEHI_SINK" => urls::sink(typed),
        _ => urls::queue(typed),
    }
}

/// The user's data folder; where there is none, an empty path as long as no end needs it.
fn data_dir(environment: &Environment, ends: &[&Location]) -> Result<PathBuf> {
    let needed = ends.iter().any(|url| sqlite::is_in_data_dir(url));
    match environment.data_dir() {
        Err(_) if !needed => Ok(PathBuf::new()),
        other => other,
    }
}
