//! Flags that several programs have.

use super::generate;
use crate::units;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

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

    /// Show what is configured, and where: in the environment, on a line of the file, by default
    ///
    /// The file is the one that `$KAKEHI_CONFIG` names, else `$XDG_CONFIG_HOME/kakehi/env` or
    /// `~/.config/kakehi/env`, else `/etc/kakehi/env`: lines `NAME='value'`, below what the environment
    /// says. Secrets are hidden; nothing is done.
    #[arg(long, global = true, hide_short_help = true)]
    pub show_config: bool,

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
