//! `queue stats`: what a queue holds, and what waits for it in the spool.

use super::Count;
use super::context::{QueueContext, say};
use super::format;
use crate::error::{Kind, Result};
use crate::location::Location;
use crate::queues::{self, Options};
use crate::spool::{self, Spool, Spooled};
use std::path::PathBuf;

impl QueueContext<'_> {
    pub(super) async fn stats(&self, asked: Count) -> Result<()> {
        let (url, options) = self.place(&asked.place)?;
        let spooled = self.spooled(&url, &options, asked.spool).await?;
        let counted = match queues::open_inspector(url, &options).await {
            Ok(queue) => queue.stats().await,
            Err(error) => Err(error),
        };
        if let Err(error) = &counted {
            // A queue that cannot be reached is when the spool matters.
            if spooled != Spooled::default() && error.kind() != Kind::Usage {
                say(&format::spooled(spooled, self.form))?;
            }
        }
        say(&format::stats(&counted?, spooled, self.form)).map(drop)
    }

    /// What the spool of `publish` keeps for a queue.
    async fn spooled(
        &self,
        url: &Location,
        options: &Options,
        path: Option<PathBuf>,
    ) -> Result<Spooled> {
        let path = match path {
            Some(path) => path,
            None => match self.context.environment.data_dir() {
                Ok(folder) => folder.join(spool::FILE),
                Err(_) => return Ok(Spooled::default()),
            },
        };
        // A URL that stands for no place is told when the queue is opened.
        let Ok(key) = queues::key(url, options) else { return Ok(Spooled::default()) };
        Spool::new(path, key, options).held().await
    }
}
