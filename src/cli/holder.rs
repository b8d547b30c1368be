//! The doors of the programs, and `kakehi`, which holds them all: `kakehi publish ...`.

use super::ending::usage;
use super::generate::What;
use super::launcher::{self, HOLDER};
use super::programs::{Entry, PROGRAMS};
use super::{Ending, Program, completions, manual};
use crate::environment::Environment;
use rustix::thread;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::str::FromStr as _;

/// Opens the door of a program of its own. A build with the feature `launchers`, and without `whole`,
/// holds only the way to [`HOLDER`] there, which lies beside the running program `this`.
pub fn open<P: Program>(
    args: impl Iterator<Item = OsString>,
    environment: Environment,
    this: impl FnOnce() -> io::Result<PathBuf>,
) -> Ending {
    if cfg!(all(feature = "launchers", not(feature = "whole"))) {
        launcher::launch::<P>(args, this)
    } else {
        super::run::<P>(args, environment)
    }
}

/// Runs the program that the first argument names on the others; tells of all programs where there is
/// none.
pub fn run(mut args: impl Iterator<Item = OsString>, environment: Environment) -> Ending {
    args.next(); // our own name
    let word = args.next();
    let named = |entry: &&Entry| word.as_deref() == Some(OsStr::new(entry.name));
    match PROGRAMS.iter().find(named) {
        Some(entry) => {
            show_as(entry.name);
            let args: Vec<_> = std::iter::once(entry.name.into()).chain(args).collect();
            (entry.run)(args.into_iter(), environment)
        }
        None => without_program(word.into_iter().chain(args).collect(), &environment),
    }
}

/// Gives this process the program's name in the system's lists, so that `pgrep` and `killall` find it
/// by that. It works under any other name, too.
fn show_as(name: &str) {
    let name = CString::new(name).expect("a program's name holds no zero");
    let _ = thread::set_name(&name);
}

/// The list, the version, what a shell completes, or what is wrong with a word that names no program.
fn without_program(args: Vec<OsString>, environment: &Environment) -> Ending {
    if let Some(offered) = completions::answer(whole(), &args, environment) {
        return offered;
    }
    match command().try_get_matches_from(std::iter::once(HOLDER.into()).chain(args)) {
        Ok(matches) => Ending {
            stdout: match matches.get_one::<What>("generate") {
                Some(What::Completions(shell)) => completions::script(shell, HOLDER),
                Some(_) => manual::of_holder(),
                None => command().render_help().to_string(),
            },
            ..Ending::default()
        },
        Err(told) => usage(&told, environment),
    }
}

/// The command line with those of all programs.
fn whole() -> clap::Command {
    clap::Command::new(HOLDER).subcommands(PROGRAMS.iter().map(|it| (it.command)()))
}

fn command() -> clap::Command {
    let programs = PROGRAMS.iter().map(|it| clap::Command::new(it.name).about(it.line()));
    clap::Command::new(HOLDER)
        .version(env!("CARGO_PKG_VERSION"))
        .about("kakehi holds the programs of a pipeline")
        .override_usage("kakehi <PROGRAM> [ARGUMENTS]...")
        .subcommands(programs)
        .arg(clap::Arg::new("generate").long("generate").value_parser(What::from_str).hide(true))
        .subcommand_help_heading("Programs")
        .disable_help_subcommand(true)
        .max_term_width(80)
        .after_help("What a program takes: `kakehi PROGRAM --help`")
}
