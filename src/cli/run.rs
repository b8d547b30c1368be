//! A run of a program, from its command line to its ending.

use super::configuration::Configuration;
use super::ending::{Ending, failed, usage};
use super::masks::Masks;
use super::progress::Progress;
use super::signals::Signals;
use super::{Context, Program, failpoints, logging, summary};
use crate::environment::Environment;
use crate::error::{Error, Kind};
use std::ffi::OsString;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long a run may take after its grace to keep what is in flight and to close its ends, which
/// may wait for one that stalls.
pub(super) const CLOSING: Duration = Duration::from_secs(8);

/// Runs a program from its command line to its ending.
pub fn run<P: Program>(args: impl Iterator<Item = OsString>, environment: Environment) -> Ending {
    let args: Vec<_> = args.collect();
    let typed: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
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
    let configuration = match Configuration::read(environment) {
        Ok(configuration) => configuration,
        Err(error) => return failed::<P>(&error),
    };
    let masks = Masks::of(&configuration.environment, &typed);
    if program.basics().show_config {
        return Ending { stdout: configuration.shown(&masks), ..Ending::default() };
    }
    if let Err(cause) = configuration.start_anew() {
        return failed::<P>(&cannot_start(cause));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => return failed::<P>(&cannot_start(cause)),
    };
    let ending = runtime.block_on(perform(program, configuration, masks.clone()));
    // A thread that still waits for stdin must not keep the program.
    runtime.shutdown_background();
    Ending { stderr: masks.hide(&ending.stderr).into_owned(), ..ending }
}

async fn perform<P: Program>(program: P, configuration: Configuration, masks: Masks) -> Ending {
    let (basics, form, grace) = (program.basics().clone(), program.summary(), program.grace());
    let last_moment = program.last_moment();
    let started = Instant::now();
    let progress = Progress::new(P::PROGRAM);
    let prepared = logging::start(&basics, &configuration.environment, &progress, masks)
        .inspect(|()| configuration.warn())
        .and_then(|()| failpoints::arm(&configuration.environment))
        .and_then(|()| Signals::listen().map(|signals| (signals, configuration.environment)));
    let (signals, environment) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return failed::<P>(&error),
    };
    let (counters, ends, checkins, code) = Default::default();
    let context = Context { environment, counters, signals, ends, checkins, code };
    let result = tokio::select! {
        result = program.run(&context) => result,
        () = hurried(&context.signals, last_moment) => Ok(()),
        () = overdue(&context.signals, grace.saturating_add(CLOSING)) => Err(not_closed()),
        () = progress.show(&context.counters) => unreachable!("progress is shown until it is dropped"),
    };
    progress.clear();
    let mut ending = match &result {
        Ok(()) => Ending { code: context.code.get().copied().unwrap_or(0), ..Ending::default() },
        Err(error) => failed::<P>(error),
    };
    if let Some(kind) = context.signals.received() {
        // A signal's own code says that nothing is lost.
        let lost = context.counters.unpublished.load(Ordering::Relaxed) > 0;
        ending.code = if lost { Kind::Failed.code() } else { kind.code() };
    }
    let summary = context.counters.summary(started.elapsed());
    ending.stderr += &summary::line::<P>(form, basics.quiet, &summary, context.ends.get());
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

fn cannot_start(cause: std::io::Error) -> Error {
    Error::new(Kind::Failed, "cannot start").because(cause)
}

fn not_closed() -> Error {
    Error::new(Kind::Failed, "what is open could not be closed")
        .because_of("the grace after the signal is over")
        .hint("nothing is lost: what was not settled comes again")
}
