//! A run of a program, from its command line to its ending.

use super::configuration::Configuration;
use super::ending::{Ending, failed, usage};
use super::failing::Verdict;
use super::masks::Masks;
use super::progress::Progress;
use super::reporter::Reporter;
use super::signals::Signals;
use super::withheld::Withheld;
use super::{Context, Program, SummaryForm, colours, completions, failpoints, logging, summary};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::{Error, Kind};
use crate::report::Summary;
use std::ffi::OsString;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long a run may take after its grace to keep what is in flight and to close its ends, which
/// may wait for one that stalls.
pub(super) const CLOSING: Duration = Duration::from_secs(8);

/// Runs a program from its command line to its ending.
pub fn run<P: Program>(args: impl Iterator<Item = OsString>, environment: Environment) -> Ending {
    let coloured = colours::of_stderr(&environment);
    let args: Vec<_> = args.collect();
    if let Some(offered) = completions::answer(P::command(), &args, &environment) {
        return offered;
    }
    let typed: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let parsed = P::command().try_get_matches_from(args).and_then(|m| P::from_arg_matches(&m));
    let program = match parsed {
        Ok(program) => program,
        Err(help) => return usage(&help, &environment),
    };
    if let Some(what) = &program.basics().generate {
        return match what.of(P::command(), P::NAME) {
            Ok(stdout) => Ending { stdout, ..Ending::default() },
            Err(error) => failed::<P>(&error, coloured),
        };
    }
    let configuration = match Configuration::read(environment) {
        Ok(configuration) => configuration,
        Err(error) => return failed::<P>(&error, coloured),
    };
    let masks = Masks::of(&configuration.environment, &typed);
    if program.basics().show_config {
        return Ending { stdout: configuration.shown(&masks), ..Ending::default() };
    }
    if let Err(cause) = configuration.start_anew() {
        return failed::<P>(&cannot_start(cause), coloured);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => return failed::<P>(&cannot_start(cause), coloured),
    };
    let ending = runtime.block_on(perform(program, configuration, masks.clone()));
    // A thread that still waits for stdin must not keep the program.
    runtime.shutdown_background();
    Ending { stderr: masks.hide(&ending.stderr).into_owned(), ..ending }
}

async fn perform<P: Program>(program: P, configuration: Configuration, masks: Masks) -> Ending {
    let (basics, form, grace) = (program.basics().clone(), program.summary(), program.grace());
    let last_moment = program.last_moment();
    let coloured = colours::of_stderr(&configuration.environment);
    let started = Instant::now();
    let withheld = Withheld::default();
    let progress = progress(&program, &configuration.environment);
    let settings = &configuration.environment;
    let prepared = logging::start(&basics, settings, &progress, masks, withheld.clone())
        .inspect(|()| configuration.warn())
        .and_then(|()| failpoints::arm(&configuration.environment))
        .and_then(|()| Signals::listen().map(|signals| (signals, configuration.environment)));
    let (signals, environment) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return failed::<P>(&error, coloured),
    };
    let (counters, ends, checkins, watched, failing, code) = Default::default();
    let context = Context {
        environment,
        counters,
        signals,
        ends,
        checkins,
        watched,
        failing,
        withheld,
        code,
    };
    let reporter = Reporter::of(&program);
    let result = tokio::select! {
        result = program.run(&context) => result,
        () = hurried(&context.signals, last_moment) => Ok(()),
        () = overdue(&context.signals, grace.saturating_add(CLOSING)) => Err(not_closed()),
        () = reporter.keep_writing::<P>(&context) => unreachable!("there is no end to the writing"),
        () = progress.show(&context) => unreachable!("progress is shown until it is dropped"),
    };
    progress.clear();
    let mut ending = match &result {
        Ok(()) => Ending { code: context.code.get().copied().unwrap_or(0), ..Ending::default() },
        Err(error) => failed::<P>(error, coloured),
    };
    if let Some(kind) = context.signals.received() {
        // A signal's own code says that nothing is lost.
        let lost = context.counters.unpublished.load(Ordering::Relaxed) > 0;
        ending.code = if lost { Kind::Failed.code() } else { kind.code() };
    }
    reporter.write::<P>(&context, Some(ending.code)).await;
    let summary = context.counters.summary(started.elapsed());
    let verdict = verdict::<P>(&context, result.as_ref().err(), &summary);
    // A run that never came to its ends has counted nothing.
    let form = match (&result, context.ends.get()) {
        (Err(_), None) if form == SummaryForm::Human => SummaryForm::None,
        _ => form,
    };
    let line = summary::line::<P>(form, basics.quiet, &summary, context.ends.get());
    ending.stderr = match verdict.aloud {
        true => context.withheld.end() + &remarks::<P>(&verdict) + &ending.stderr + &line,
        // Whoever wants JSON wants to know of each run.
        false if form == SummaryForm::Json => line,
        false => String::new(),
    };
    ending
}

/// What is to be told of a run: all of it, but where runs of its kind were told of before.
fn verdict<P: Program>(context: &Context, failure: Option<&Error>, summary: &Summary) -> Verdict {
    match (context.failing.get(), context.signals.received()) {
        (Some(failing), None) => {
            let sent = summary::got_done::<P>(summary);
            failing.judge(failure, Clock::system().now(), &sent)
        }
        // A signal says nothing about how it went.
        _ => Verdict { aloud: true, remarks: Vec::new() },
    }
}

/// The progress line, where there is to be one.
fn progress<P: Program>(program: &P, environment: &Environment) -> Progress {
    let wanted = P::PROGRAM.filter(|_| !program.basics().quiet);
    Progress::new(wanted, program.shows_data(environment))
}

fn remarks<P: Program>(verdict: &Verdict) -> String {
    verdict.remarks.iter().map(|remark| format!("{}: {remark}\n", P::NAME)).collect()
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
