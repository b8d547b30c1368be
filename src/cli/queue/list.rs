//! `queue list`: the queues of a file, and how much each of them holds.

use super::context::{QueueContext, say};
use super::format;
use crate::cli::names::QueueNames;
use crate::cli::table::Table;
use crate::cli::tell::Form;
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::inspect;
use crate::location::Location;
use crate::queues::{self, Stats};
use crate::text;
use clap::Args;
use serde::Serialize;
use std::time::Duration;

/// List the queues of a file, with what each of them holds
///
/// Nothing is taken or changed. A URL that names one queue shows that one.
#[derive(Debug, Args)]
pub(super) struct List {
    /// The file of embedded queues, or a URL. Default: `$KAKEHI_QUEUE`, else `sqlite:` in the user's
    /// data folder
    #[arg(value_name = "FILE")]
    file: Option<String>,
}

impl List {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let file = self.file.map(|given| context.url_of_file(given));
        let (url, options) = context.resolve_url(file.as_deref(), &QueueNames::default())?;
        let named = queues::named(&url, &options).await?;
        if named.is_empty() {
            return Err(none(&url));
        }
        let mut table = Table::new(HEAD.map(str::to_owned).to_vec());
        for queue in named {
            let stats = inspect::stats(queue.url, &options, None).await?.queue?;
            match context.form {
                Form::Human => table.add(row(&queue.name, &stats)),
                Form::Json => {
                    say(&format::json(&Line { queue: &queue.name, stats: &stats }))?;
                }
            }
        }
        match context.form {
            Form::Human => say(&table.text()).map(drop),
            Form::Json => Ok(()),
        }
    }
}

const HEAD: [&str; 7] = ["queue", "ready", "waiting", "scheduled", "leased", "dead", "oldest"];

#[derive(Serialize)]
struct Line<'a> {
    queue: &'a str,
    #[serde(flatten)]
    stats: &'a Stats,
}

fn row(name: &str, stats: &Stats) -> Vec<String> {
    let count = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    let oldest = stats.oldest_seconds.map(|seconds| format::time(Duration::from_secs(seconds)));
    vec![
        text::visible(name.as_bytes()),
        count(stats.ready),
        count(stats.waiting),
        count(stats.scheduled),
        count(stats.leased),
        count(stats.dead),
        oldest.unwrap_or_else(|| "-".to_owned()),
    ]
}

fn none(url: &Location) -> Error {
    let url = url.to_string();
    Error::new(Kind::Unreachable, format!("there is no queue in `{url}`"))
        .hint(format!("{} makes one", hint::command(["queue", "create", &url])))
        .of_missing()
}
