//! Completions and manual pages, made from the command line's own definition.

use super::launcher::HOLDER;
use super::{completions, manual};
use crate::error::{Error, Kind, Result};
use crate::location::list;
use std::str::FromStr;

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The script that makes a shell complete, by the shell's name.
    Completions(String),
    /// The manual page.
    Man,
    /// The manual page of an action, `dead-list`, or of this name.
    ManOf(String),
    /// The names of all actions that have a manual page.
    Actions,
}

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "man" => Ok(Self::Man),
            None if text == "actions" => Ok(Self::Actions),
            Some(("man", action)) => Ok(Self::ManOf(action.to_owned())),
            Some(("completions", shell)) if completions::SHELLS.contains(&shell) => {
                Ok(Self::Completions(shell.to_owned()))
            }
            _ => {
                let shells: Vec<_> = completions::SHELLS
                    .iter()
                    .map(|shell| format!("completions:{shell}"))
                    .collect();
                let known =
                    shells.iter().map(String::as_str).chain(["man", "man:ACTION", "actions"]);
                Err(format!("it is one of {}", list(&known.collect::<Vec<_>>())))
            }
        }
    }
}

impl What {
    /// The text for this command.
    ///
    /// # Errors
    /// `Usage` for an action that it does not have.
    pub fn of(&self, mut command: clap::Command, name: &str) -> Result<String> {
        command = with_long_help(command.disable_help_subcommand(true));
        // Gives each action the flags that all have, and the program's name before its own.
        command.build();
        match self {
            Self::Completions(shell) => Ok(completions::script(shell, name)),
            Self::Man => Ok(manual::of_program(&command)),
            Self::ManOf(page) if page == HOLDER => Ok(manual::of_holder()),
            Self::ManOf(page) if page == manual::URLS => Ok(manual::of_urls()),
            Self::ManOf(wanted) => {
                let actions = actions(&command);
                match actions.iter().find(|(action, _)| action == wanted) {
                    Some((_, action)) => Ok(manual::of_action(&command, wanted, action)),
                    None => Err(no_action(wanted, name, &actions)),
                }
            }
            Self::Actions => {
                Ok(actions(&command).iter().map(|(name, _)| format!("{name}\n")).collect())
            }
        }
    }
}

/// Says everywhere in the long help what stands in the short one: a page leaves out what only that has,
/// where an argument is hidden in it.
fn with_long_help(command: clap::Command) -> clap::Command {
    let told = |arg: clap::Arg| match (arg.get_help().cloned(), arg.get_long_help()) {
        (Some(help), None) => arg.long_help(help),
        _ => arg,
    };
    command.mut_args(told).mut_subcommands(with_long_help)
}

fn no_action(wanted: &str, name: &str, actions: &[(String, &clap::Command)]) -> Error {
    let known: Vec<_> = actions.iter().map(|(action, _)| action.as_str()).collect();
    Error::new(Kind::Usage, format!("`{name}` has no action `{wanted}`"))
        .hint(format!("its actions are {}", list(&known)))
}

/// Every action with its name: `stats`, `dead`, `dead-list`.
fn actions(command: &clap::Command) -> Vec<(String, &clap::Command)> {
    let mut found = Vec::new();
    let mut next: Vec<_> =
        command.get_subcommands().map(|it| (it.get_name().to_owned(), it)).collect();
    while let Some((name, action)) = next.pop() {
        let inner = action.get_subcommands();
        next.extend(inner.map(|it| (format!("{name}-{}", it.get_name()), it)));
        if !name.split('-').any(|word| word == "help") {
            found.push((name, action));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found
}
