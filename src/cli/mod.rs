//! What the programs share: arguments, logging, signals, the lock, the summary, exit codes.
//!
//! A program is a [`Program`]; its door in `src/bin` calls [`run`] with the arguments and the
//! environment, prints the [`Ending`] and exits with its code.

pub mod cut;
pub mod failpoints;
pub mod generate;
pub mod lock;
pub mod logging;
pub mod masks;
pub mod names;
pub mod progress;
pub mod publish;
pub mod queue;
pub mod signals;
pub mod subscribe;

use crate::clients::sqlite;
use crate::descriptors::Standard;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::identity::Identity;
use crate::location::Location;
use crate::report::{self, Counters, Ends, Summary};
use crate::{text, units};
use clap::{Args, ValueEnum};
use masks::Masks;
use progress::Progress;
use signals::Signals;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

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

/// How long a run may take after its grace to keep what is in flight and to close its ends, which
/// may wait for one that stalls.
const CLOSING: Duration = Duration::from_secs(8);

/// As wide as a terminal is at least.
const COLUMNS: usize = 80;

/// One of the programs.
pub trait Program: Args {
    /// Which loop it runs, and tells the progress and the summary of; `None` where it runs none.
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

    /// How the summary of its loop looks.
    fn summary(&self) -> SummaryForm {
        SummaryForm::None
    }

    /// How long what is in flight may take after a signal; without end where that is always short.
    fn grace(&self) -> Duration {
        Duration::MAX
    }

    /// How long it may take after a second signal: whoever holds what nobody else has keeps it.
    fn last_moment(&self) -> Duration {
        Duration::ZERO
    }

    /// Does the work; counts as it goes.
    fn run(self, context: &Context) -> impl Future<Output = Result<()>>;
}

/// What the command lines of all programs have in common.
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
    /// The environment.
    pub environment: Environment,
    /// Where to count.
    pub counters: Counters,
    /// Ctrl-C, SIGTERM and SIGHUP.
    pub signals: Signals,
    /// What the run is between, for its summary; said once the command line is understood.
    pub ends: OnceLock<Ends>,
}

impl Context {
    /// Says what the run is between.
    fn say_ends(&self, from: String, into: String) {
        self.ends.get_or_init(|| Ends { from, into });
    }
}

/// Flags that both loops have.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// End at once when another run holds the lock
    ///
    /// The exit code is 0 then; a `publish` that reads stdin waits for the lock instead. The system
    /// frees it when its holder dies.
    #[arg(long, value_name = "PATH", num_args = 0..=1, require_equals = true)]
    pub lock: Option<Option<PathBuf>>,

    /// How long what is in flight may take after Ctrl-C, SIGTERM or SIGHUP; a second signal ends it
    /// now
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::duration)]
    #[arg(hide_short_help = true)]
    pub grace: Duration,

    /// What to tell on stderr when the run ends
    #[arg(long, value_name = "FORM", value_enum, default_value_t = SummaryForm::Human)]
    #[arg(hide_short_help = true)]
    pub summary: SummaryForm,

    #[command(flatten)]
    #[allow(missing_docs)]
    // a doc comment here would replace the program's own text in `--help`
    pub basics: Basics,
}

/// Flags that every program has.
#[derive(Debug, Clone, Args)]
pub struct Basics {
    /// Log more: once for what happens, twice for details
    ///
    /// `RUST_LOG` overrides it.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Log errors only, and leave the human summary out
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// How log lines look on stderr
    #[arg(long, global = true, value_name = "FORM", value_enum, default_value_t = LogFormat::Text)]
    #[arg(hide_short_help = true)]
    pub log_format: LogFormat,

    /// Print completions (`completions:bash`, `:zsh`, `:fish`) or the manual page (`man`)
    #[arg(long, value_name = "WHAT", hide = true)]
    pub generate: Option<generate::What>,
}

/// How the summary looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SummaryForm {
    /// One line for a person
    Human,
    /// One line of JSON
    Json,
    /// Nothing
    None,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for a person
    Text,
    /// A line of JSON, with the time
    Json,
}

/// How a program ended: what is left for its door to print, and the exit code.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// For stdout.
    pub stdout: String,
    /// For stderr.
    pub stderr: String,
    /// The exit code.
    pub code: u8,
}

impl Ending {
    /// Prints what is left, and gives the exit code: a failure where stdout did not take its part,
    /// unless its reader has read enough.
    pub fn tell(self) -> ExitCode {
        let Self { stdout, mut stderr, mut code } = self;
        let told = match &stdout[..] {
            "" => Ok(()),
            text => Standard::Output.open().and_then(|mut file| {
                let cannot = |cause| {
                    Error::new(Kind::Failed, "cannot write to standard output").because(cause)
                };
                file.write_all(text.as_bytes()).or_else(unless_gone).map_err(cannot)
            }),
        };
        if let Err(error) = told {
            stderr += &format!("{error}\n");
            code = error.kind().code();
        }
        // Nobody is left to be told where this cannot be written.
        drop(io::stderr().write_all(stderr.as_bytes()));
        ExitCode::from(code)
    }
}

/// A reader that has gone wants no more.
fn unless_gone(cause: io::Error) -> io::Result<()> {
    match cause.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(cause),
    }
}

/// Runs a program from its command line to its ending.
pub fn run<P: Program>(args: impl Iterator<Item = OsString>, environment: Environment) -> Ending {
    let args: Vec<_> = args.collect();
    let typed: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let masks = Masks::of(&environment, &typed);
    let parsed = P::command().try_get_matches_from(args).and_then(|m| P::from_arg_matches(&m));
    let program = match parsed {
        Ok(program) => program,
        Err(help) => return usage(&help),
    };
    if let Some(what) = &program.basics().generate {
        return match what.of(P::command(), P::NAME) {
            Ok(stdout) => Ending { stdout, ..Ending::default() },
            Err(error) => failed::<P>(&error),
        };
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => return failed::<P>(&Error::new(Kind::Failed, "cannot start").because(cause)),
    };
    let ending = runtime.block_on(perform(program, environment, masks.clone()));
    // A thread that still waits for stdin must not keep the program.
    runtime.shutdown_background();
    Ending { stderr: masks.hide(&ending.stderr).into_owned(), ..ending }
}

async fn perform<P: Program>(program: P, environment: Environment, masks: Masks) -> Ending {
    let (basics, form, grace) = (program.basics().clone(), program.summary(), program.grace());
    let last_moment = program.last_moment();
    let started = Instant::now();
    let progress = Progress::new(P::PROGRAM);
    let prepared = logging::start(&basics, &environment, &progress, masks)
        .and_then(|()| failpoints::arm(&environment))
        .and_then(|()| Signals::listen().map(|signals| (signals, environment)));
    let (signals, environment) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return failed::<P>(&error),
    };
    let (counters, ends) = Default::default();
    let context = Context { environment, counters, signals, ends };
    let result = tokio::select! {
        result = program.run(&context) => result,
        () = hurried(&context.signals, last_moment) => Ok(()),
        () = overdue(&context.signals, grace.saturating_add(CLOSING)) => Err(not_closed()),
        () = progress.show(&context.counters) => unreachable!("progress is shown until it is dropped"),
    };
    progress.clear();
    let mut ending = match &result {
        Ok(()) => Ending::default(),
        Err(error) => failed::<P>(error),
    };
    if let Some(kind) = context.signals.received() {
        // A signal's own code says that nothing is lost.
        let lost = context.counters.unpublished.load(Ordering::Relaxed) > 0;
        ending.code = if lost { Kind::Failed.code() } else { kind.code() };
    }
    let summary = context.counters.summary(started.elapsed());
    ending.stderr += &summary_line::<P>(form, basics.quiet, &summary, context.ends.get());
    ending
}

/// Resolves so long after the second signal.
async fn hurried(signals: &Signals, after: Duration) {
    signals.second().await;
    tokio::time::sleep(after).await;
}

/// Resolves so long after the first signal.
async fn overdue(signals: &Signals, after: Duration) {
    signals.shutdown().await;
    tokio::time::sleep(after).await;
}

fn not_closed() -> Error {
    Error::new(Kind::Failed, "what is open could not be closed")
        .because_of("the grace after the signal is over")
        .hint("nothing is lost: what was not settled comes again")
}

fn summary_line<P: Program>(
    form: SummaryForm,
    quiet: bool,
    summary: &Summary,
    ends: Option<&Ends>,
) -> String {
    let Some(program) = P::PROGRAM else { return String::new() };
    match form {
        SummaryForm::Human if quiet => String::new(),
        SummaryForm::Human => {
            let counts = format!("{}: {}", P::NAME, summary.human(program));
            ends.map_or_else(|| counts.clone(), |ends| between(&counts, ends)) + "\n"
        }
        SummaryForm::Json => summary.json(program, ends) + "\n",
        SummaryForm::None => String::new(),
    }
}

/// The counts and what the run was between: on one line where a terminal has room for it.
fn between(counts: &str, Ends { from, into }: &Ends) -> String {
    let line = format!("{counts} from {from} into {into}");
    match line.chars().count() <= COLUMNS {
        true => line,
        false => format!("{counts}\n  from {from} into {into}"),
    }
}

fn failed<P: Program>(error: &Error) -> Ending {
    Ending {
        stderr: format!("{}: {error}\n", P::NAME),
        code: error.kind().code(),
        ..Ending::default()
    }
}

/// Help and version go to stdout with exit code 0, a wrong command line to stderr with 2.
fn usage(help: &clap::Error) -> Ending {
    let text = help.render().to_string();
    if help.use_stderr() {
        Ending { stderr: text, code: Kind::Usage.code(), ..Ending::default() }
    } else {
        Ending { stdout: text, ..Ending::default() }
    }
}

/// A number from 1.
fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(cause) => Err(cause.to_string()),
    }
}

/// A number of bytes from 1.
fn bytes(text: &str) -> Result<usize, String> {
    units::bytes(text, 1..=usize::MAX)
}

/// An end's URL: the argument, else the variable, else `sqlite:` in the data folder.
fn url_or(given: Option<&str>, variable: &str, environment: &Environment) -> Result<Location> {
    Location::parse(given.or(environment.get(variable)?).unwrap_or("sqlite:"))
}

/// The user's data folder; where there is none, an empty path as long as no end needs it.
fn data_dir(environment: &Environment, ends: &[&Location]) -> Result<PathBuf> {
    let needed = ends.iter().any(|url| sqlite::is_in_data_dir(url));
    match environment.data_dir() {
        Err(_) if !needed => Ok(PathBuf::new()),
        other => other,
    }
}

/// Whether the run may go on.
enum Locked {
    /// The run may go on; the locks, where one was asked for, are kept as long as this lives.
    Yes(Vec<crate::lock::Lock>),
    /// Another run holds the lock, or a signal came while we waited for it.
    No,
}

/// Takes the lock where `--lock` asks for one.
async fn lock(
    common: &Common,
    program: &str,
    ends: impl Future<Output = Result<[Identity; 2]>>,
    wait: bool,
    context: &Context,
) -> Result<Locked> {
    let take = async {
        let paths = match &common.lock {
            None => return Ok(Ok(Vec::new())),
            Some(None) => {
                let [from, into] = ends.await?;
                lock::default_paths(&context.environment.data_dir()?, program, [&from, &into])
            }
            Some(Some(path)) => vec![path.clone()],
        };
        lock::take(&paths, wait).await
    };
    let taken = tokio::select! {
        taken = take => taken?,
        () = context.signals.shutdown() => return Ok(Locked::No),
    };
    match taken {
        Ok(locks) => Ok(Locked::Yes(locks)),
        Err(path) => {
            let path = text::of_name(&path);
            tracing::warn!("another run holds the lock `{path}`: nothing to do");
            Ok(Locked::No)
        }
    }
}
