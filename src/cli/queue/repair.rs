//! `queue repair`: saves what can be saved of a damaged file.

use super::context::{QueueContext, say};
use super::format;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::queues::{self, Repaired};
use clap::Args;
use std::path::{Path, PathBuf};

/// Save what can be saved of a damaged file into `FILE.repaired`
///
/// It names what cannot be saved: of a file left by a power cut, cut short, or with pages that are
/// not what they were. What was leased is ready; a message that is not whole becomes a dead letter.
/// No other program may have the file open, and nothing in it is changed.
#[derive(Debug, Args)]
pub(super) struct Repair {
    /// The file of an embedded queue, or the URL of a queue in it
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Put the new file in its place, and keep the damaged one and its log as `FILE.damaged`
    #[arg(long)]
    yes: bool,
}

impl Repair {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let Self { file, yes } = self;
        let file = context.file(file)?;
        let form = context.form;
        // Nobody is left to be told where this cannot be written: the repair goes on.
        let tell = move |loss| drop(say(&format::repair_loss(&loss, form)));
        let repaired = queues::repair(&file, yes, &Clock::system(), tell).await?;
        let (text, json) = format::repaired(&repaired);
        context.tell(&text, &json)?;
        if !yes {
            context.remark(&format!("`{}` is as it was: `--yes` replaces it", file.display()))?;
        }
        refuse_losses(&repaired, &file)
    }
}

/// Fails where something is not as it was.
fn refuse_losses(repaired: &Repaired, file: &Path) -> Result<()> {
    let Repaired { lost, log_cut_off, .. } = *repaired;
    if lost == 0 && !log_cut_off {
        return Ok(());
    }
    let what = format!("{lost} things in `{}` are not as they were", file.display());
    Err(Error::new(Kind::Rejected, what)
        .because_of(match log_cut_off {
            true => "the end of its log cannot be read, and nobody knows what was in it",
            false => "their pages are damaged",
        })
        .hint("the lines above name each of them; what is `kept` is a dead letter"))
}
