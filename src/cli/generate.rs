//! Completions and manual pages, made from the command line's own definition.

use clap_complete::Shell;
use std::str::FromStr;

/// What to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Completions for a shell.
    Completions(Shell),
    /// The manual page.
    Man,
}

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "man" => Ok(Self::Man),
            Some(("completions", shell)) => Shell::from_str(shell).map(Self::Completions),
            _ => Err("write `man`, `completions:bash`, `completions:zsh` or `completions:fish`"
                .to_owned()),
        }
    }
}

impl What {
    /// The text for this command.
    pub fn of(self, mut command: clap::Command, name: &str) -> String {
        let mut text = Vec::new();
        match self {
            Self::Completions(shell) => {
                clap_complete::generate(shell, &mut command, name, &mut text);
            }
            Self::Man => clap_mangen::Man::new(command)
                .render(&mut text)
                .expect("writing to memory does not fail"),
        }
        String::from_utf8(text).expect("completions and manual pages are UTF-8")
    }
}
