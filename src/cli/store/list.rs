//! `store list`: documents as they are.

use super::arguments::{Since, StoreUrl, Zone};
use super::context::{StoreContext, closing};
use super::documents;
use super::format::with_offset;
use crate::cli::positive;
use crate::cli::tell::{Form, say};
use crate::error::{Error, Kind, Result};
use crate::readings::{Document, Store};
use crate::text::visible;
use crate::transform::{Programs, ShapedBody, Transform};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use std::time::Duration;

/// How long a jq program may take for one document.
const TIME: Duration = Duration::from_secs(10);

/// Show documents in the order in which they were stored
///
/// Each with its time and its id; control characters are made visible. With `--json` a line each, as
/// `publish 'stdin:?envelope'` reads it.
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    store: StoreUrl,

    #[command(flatten)]
    since: Since,

    /// Only documents for which this jq program gives something true
    ///
    /// The program sees the document, and in `$message` its `id`. One that fails on a document leaves
    /// it out, and that is told.
    #[arg(long = "where", value_name = "JQ")]
    choose: Option<String>,

    /// At most this many documents
    #[arg(short = 'n', value_name = "N", value_parser = positive)]
    max: Option<usize>,

    #[command(flatten)]
    zone: Zone,
}

/// How documents are chosen and shown.
struct Showing {
    transform: Option<Transform>,
    zone: Tz,
    form: Form,
    /// How many may still be shown.
    left: usize,
    /// How many the program failed on.
    refused: u64,
}

impl List {
    pub(super) async fn run(self, context: &StoreContext<'_>) -> Result<()> {
        let url = context.url(&self.store)?;
        let clock = context.options(&url)?.clock;
        let since = self.since.start(clock.now());
        let programs = Programs::compile(self.choose.as_deref(), None, 1, clock)?;
        let mut showing = Showing {
            transform: programs.map(|programs| Transform::new(programs, TIME)),
            zone: self.zone.of(&context.program.environment)?,
            form: context.form,
            left: self.max.unwrap_or(usize::MAX),
            refused: 0,
        };
        let store = context.open(&self.store).await?;
        let shown = showing.show(&*store, since).await;
        showing.transform.iter().for_each(Transform::close);
        closing(store, shown).await
    }
}

impl Showing {
    async fn show(&mut self, store: &dyn Store, since: Option<DateTime<Utc>>) -> Result<()> {
        let mut coming = store.documents(since).await?;
        loop {
            let batch = documents::next(&mut coming).await?;
            if batch.is_empty() || self.left == 0 {
                break;
            }
            let mut chosen = self.chosen(batch).await?;
            chosen.truncate(self.left);
            self.left -= chosen.len();
            let lines: String = chosen.iter().map(|document| self.line(document)).collect();
            if !say(&lines)? {
                break;
            }
        }
        if self.refused > 0 {
            let refused = self.refused;
            tracing::warn!("`--where` fails on {refused} documents, which are left out: see `-v`");
        }
        Ok(())
    }

    /// The documents that the program is true for.
    async fn chosen(&mut self, batch: Vec<Document>) -> Result<Vec<Document>> {
        let Some(transform) = &self.transform else { return Ok(batch) };
        let messages: Vec<_> = batch.iter().map(documents::message).collect();
        let shaped = transform.begin(&messages).end().await;
        let mut chosen = Vec::new();
        for (document, shaped) in batch.into_iter().zip(shaped) {
            match shaped {
                ShapedBody::Kept | ShapedBody::Made(_) => chosen.push(document),
                ShapedBody::Filtered => {}
                ShapedBody::Refused(why) => {
                    self.refused += 1;
                    tracing::info!("`{}` is left out: {why}", visible(document.id.as_bytes()));
                }
                ShapedBody::Overrun | ShapedBody::Unseen => return Err(too_long(&document)),
            }
        }
        Ok(chosen)
    }

    fn line(&self, document: &Document) -> String {
        if self.form == Form::Json {
            return documents::line(document, self.zone);
        }
        let time = document.at().map(|time| with_offset(time, self.zone));
        let (time, id) = (time.unwrap_or_else(|| "-".to_owned()), visible(document.id.as_bytes()));
        format!("{time}  {id}\n    {}\n", visible(document.json.as_bytes()))
    }
}

fn too_long(document: &Document) -> Error {
    let id = visible(document.id.as_bytes());
    Error::new(Kind::Failed, format!("`--where` takes more than {TIME:?} for `{id}`"))
        .hint("a program that has an end on every document is needed")
}
