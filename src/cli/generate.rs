//! Completions and manual pages, made from the command line's own definition.

use crate::error::{Error, Kind, Result};
use crate::location::list;
use clap_complete::Shell;
use std::str::FromStr;

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Completions for a shell.
    Completions(Shell),
    /// The manual page.
    Man,
    /// The manual page of one action: `dead-list`.
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
            Some(("completions", shell)) => Shell::from_str(shell).map(Self::Completions),
            _ => Err("write `man`, `completions:bash`, `completions:zsh` or `completions:fish`"
                .to_owned()),
        }
    }
}

impl What {
    /// The text for this command.
    ///
    /// # Errors
    /// `Usage` for an action that it does not have.
    pub fn of(&self, mut command: clap::Command, name: &str) -> Result<String> {
        let mut text = Vec::new();
        match self {
            Self::Completions(shell) => {
                clap_complete::generate(*shell, &mut command, name, &mut text);
            }
            Self::Man => man(command, &mut text),
            Self::ManOf(wanted) => {
                let mut actions = actions(&mut command);
                let Some(at) = actions.iter().position(|(action, _)| action == wanted) else {
                    let known: Vec<_> = actions.iter().map(|(action, _)| action.as_str()).collect();
                    return Err(Error::new(
                        Kind::Usage,
                        format!("`{name}` has no action `{wanted}`"),
                    )
                    .hint(format!("its actions are {}", list(&known))));
                };
                man(actions.swap_remove(at).1, &mut text);
            }
            Self::Actions => {
                return Ok(actions(&mut command)
                    .iter()
                    .map(|(name, _)| format!("{name}\n"))
                    .collect());
            }
        }
        Ok(String::from_utf8(text).expect("completions and manual pages are UTF-8"))
    }
}

fn man(command: clap::Command, text: &mut Vec<u8>) {
    clap_mangen::Man::new(command).render(text).expect("writing to memory does not fail");
}

/// Every action with its name: `stats`, `dead`, `dead-list`.
fn actions(command: &mut clap::Command) -> Vec<(String, clap::Command)> {
    // Gives each action the flags that all have, and the program's name before its own.
    command.build();
    let mut found = Vec::new();
    let mut next: Vec<_> =
        command.get_subcommands().map(|it| (it.get_name().to_owned(), it.clone())).collect();
    while let Some((name, action)) = next.pop() {
        let inner = action.get_subcommands();
        next.extend(inner.map(|it| (format!("{name}-{}", it.get_name()), it.clone())));
        if !name.split('-').any(|word| word == "help") {
            found.push((name, action));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found
}
