//! What a shell offers when somebody types the beginning of a word: a script asks the program itself.

mod urls;

use super::Ending;
use super::shelf::Shelf;
use crate::environment::Environment;
use crate::queues::Side;
use clap::{Arg, Command, ValueHint};
use clap_complete::engine::ArgValueCompleter;
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The shells that there are scripts for.
pub(super) const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// The variable by which a script asks; its value is the shell.
const VARIABLE: &str = "KAKEHI_COMPLETE";

/// Our own for bash: clap's does not know that a URL is one word.
const BASH: &str = include_str!("bash.sh");

/// The script that makes a shell ask the program of this name, which it finds as the user does.
pub(super) fn script(shell: &str, name: &str) -> String {
    if shell == "bash" {
        return BASH.replace("NAME", name);
    }
    let mut script = Vec::new();
    if let Some(completer) = of_shell(shell) {
        completer
            .write_registration(VARIABLE, name, name, name, &mut script)
            .expect("writing to memory does not fail");
    }
    String::from_utf8(script).expect("a script is UTF-8")
}

fn of_shell(shell: &str) -> Option<&'static dyn EnvCompleter> {
    let all: [&dyn EnvCompleter; SHELLS.len()] = [&Bash, &Zsh, &Fish];
    all.into_iter().find(|completer| completer.is(shell))
}

/// What is offered, where a script has asked: behind `--` stands what was typed so far.
pub(super) fn answer(
    command: Command,
    args: &[OsString],
    environment: &Environment,
) -> Option<Ending> {
    let completer = of_shell(environment.os(VARIABLE)?.to_str()?)?;
    let typed = args.iter().position(|arg| arg == "--")? + 1;
    let (typed, here) = (args[typed..].to_vec(), Path::new("."));
    let mut offered = Vec::new();
    completer
        .write_complete(&mut with_values(command, false), typed, Some(here), &mut offered)
        .ok()?;
    Some(Ending { stdout: String::from_utf8_lossy(&offered).into_owned(), ..Ending::default() })
}

/// The command line, with what the values of its arguments may be; `is_store`: it is within that of `store`.
fn with_values(command: Command, is_store: bool) -> Command {
    let is_store = is_store || command.get_name() == "store";
    command
        .mut_args(|arg| with_value(arg, is_store))
        .mut_subcommands(|action| with_values(action, is_store))
}

fn with_value(arg: Arg, is_store: bool) -> Arg {
    let name = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let is_target = matches!(arg.get_id().as_str(), "stores" | "to");
    let shelf = match name.as_deref() {
        Some("SOURCE") => Shelf::Sources,
        Some("QUEUE") if is_target => Shelf::Queues(Side::Into),
        Some("QUEUE") => Shelf::Queues(Side::From),
        Some("SINK") => Shelf::Sinks,
        Some("URL") if is_store || is_target => Shelf::Stores,
        Some("URL") => Shelf::Queues(Side::From),
        Some("FILE" | "PATH") => return arg.value_hint(ValueHint::AnyPath),
        _ => return arg,
    };
    arg.add(ArgValueCompleter::new(move |typed: &OsStr| urls::complete(shelf, typed)))
}
