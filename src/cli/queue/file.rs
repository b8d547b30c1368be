//! What `queue` does with a whole file: verify it, repair it.

use super::Repair;
use super::context::{QueueContext, say};
use super::format;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::queues::{self, Repaired};
use crate::text;
use std::path::Path;

impl QueueContext<'_> {
    /// Tells what is in order and what is not.
    pub async fn verify(&self, file: &Path) -> Result<()> {
        let checks = queues::verify(file).await?;
        let text: String = checks.iter().map(|it| format::check(it, self.form)).collect();
        say(&text)?;
        match checks.iter().filter(|check| check.wrong > 0).count() {
            0 => Ok(()),
            wrong => {
                let what = format!("`{}` is not in order", file.display());
                Err(Error::new(Kind::Failed, what)
                    .because_of(format!("{wrong} of {} checks found something", checks.len()))
                    .hint(format!(
                        "{} saves what can be saved, into a new file",
                        hint::command(["queue", "repair", &text::of_name(file)])
                    )))
            }
        }
    }

    /// Saves what can be saved, and names what cannot.
    pub async fn repair(&self, asked: Repair) -> Result<()> {
        let Repair { file, yes } = asked;
        let form = self.form;
        // Nobody is left to be told where this cannot be written: the repair goes on.
        let tell = move |lost| drop(say(&format::lost(&lost, form)));
        let repaired = queues::repair(&file, yes, &Clock::system(), tell).await?;
        let Repaired { file: new, messages, dead, lost, pages, log_cut_off } = repaired;
        let json = serde_json::json!({
            "file": text::of_name(&new), "messages": messages, "dead": dead, "not_as_it_was": lost,
            "damaged_pages": pages, "log_cut_off": log_cut_off,
        });
        let text = format!(
            "saved {messages} messages and {dead} dead letters in `{}`; {} damaged pages",
            new.display(),
            pages.len()
        );
        self.tell(&text, &json)?;
        if !yes {
            self.remark(&format!("`{}` is as it was: `--yes` replaces it", file.display()))?;
        }
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
}
