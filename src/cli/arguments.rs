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
    pub metrics: Metrics,

    /// Which failing runs tell why
    ///
    /// With `first` a failure is told once, and no more by runs that fail in the same way; the run that
    /// goes well again says so. The exit code is that of each run. What was told is kept in the user's
    /// data folder. With `--every` it is so with ticks; `--follow` tells an outage once by itself.
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = OnFailure::Each)]
    #[arg(hide_short_help = true)]
    pub on_failure: OnFailure,

    #[command(flatten)]
    #[allow(missing_docs)]
    // a doc comment here would replace the program's own text in `--help`
    pub basics: Basics,
}

/// A file of numbers.
#[derive(Debug, Clone, Default, Args)]
pub struct Metrics {
    /// Write numbers into this file for Prometheus, by the textfile collector of its node_exporter
    ///
    /// The file is replaced as a whole, and its name ends in `.prom`. A run that stays writes it every
    /// 15 seconds. That it cannot be written is a warning, and changes no exit code.
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub metrics: Option<PathBuf>,
}

impl Common {
    /// Whether runs remember of each other what was told. One that stays tells things once by itself, and
    /// ends by a signal, which says nothing about how it went.
    pub(super) fn tells_first(&self, stays: bool) -> bool {
        self.on_failure == OnFailure::First && !stays
    }
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

    /// Print completions for a shell, or a manual page
    ///
    /// `completions:bash`, `completions:zsh` and `completions:fish` are scripts for these shells; `man` is
    /// the manual page, `man:ACTION` that of one of the `actions`, and `man:kakehi-urls` tells of URLs.
    #[arg(long, value_name = "WHAT", hide_short_help = true)]
    pub generate: Option<generate::What>,
}

/// Which failing runs tell why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnFailure {
    /// Each run
    Each,
    /// The first of those that fail in the same way, and the one that goes well again
    First,
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
