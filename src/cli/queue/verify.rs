//! `queue verify`: tells whether the file of an embedded queue is in order.

use super::context::{QueueContext, say};
use super::format;
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::queues;
use crate::text;
use clap::Args;
use std::path::PathBuf;

/// Read a whole file and tell whether it is in order
///
/// SQLite's structure, and that messages, bodies, states, groups and counts agree. It writes
/// nothing.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The file of an embedded queue, or the URL of a queue in it
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Verify {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let file = context.file(self.file)?;
        let points = queues::verify(&file).await?;
        say(&points.iter().map(|it| format::verified(it, context.form)).collect::<String>())?;
        match points.iter().filter(|point| point.wrong > 0).count() {
            0 => Ok(()),
            wrong => {
                let what = format!("`{}` is not in order", file.display());
                Err(Error::new(Kind::Failed, what)
                    .because_of(format!("{wrong} of {} checks found something", points.len()))
                    .hint(format!(
                        "{} saves what can be saved, into a new file",
                        hint::command(["queue", "repair", &text::of_name(&file)])
                    )))
            }
        }
    }
}
