//! `store export`: every document, or every reading, for other programs.

use super::arguments::{Since, StoreUrl, Zone};
use super::context::{StoreContext, closing};
use super::csv_rows::CsvRows;
use super::documents;
use crate::cli::tell::say;
use crate::error::Result;
use crate::readings::{Document, Store};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;

/// Write what is stored to stdout, as CSV or as lines of JSON
///
/// In the order in which it was stored; times have the offset of the zone. `--csv`: a row for each
/// reading, `time,device,name,metric,value,unit,document`; a text that a spreadsheet would take for a
/// formula has a `'` before it. `--jsonl`: every document as it is, a line each, which
/// `publish 'stdin:?envelope'` reads.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("format").required(true)))]
pub(super) struct Export {
    #[command(flatten)]
    store: StoreUrl,

    /// A row for each reading
    #[arg(long, group = "format")]
    csv: bool,

    /// A line of JSON for each document
    #[arg(long, group = "format")]
    jsonl: bool,

    #[command(flatten)]
    since: Since,

    #[command(flatten)]
    zone: Zone,
}

/// How documents are written.
enum Writing {
    Csv(CsvRows),
    Lines(Tz),
}

impl Export {
    pub(super) async fn run(self, context: &StoreContext<'_>) -> Result<()> {
        let url = context.url(&self.store)?;
        let since = self.since.start(context.options(&url)?.clock.now());
        let zone = self.zone.of(&context.program.environment)?;
        let writing = match self.csv {
            true => Writing::Csv(CsvRows::new(zone)),
            false => Writing::Lines(zone),
        };
        let store = context.open(&self.store).await?;
        let written = writing.write(&*store, since).await;
        closing(store, written).await
    }
}

impl Writing {
    async fn write(mut self, store: &dyn Store, since: Option<DateTime<Utc>>) -> Result<()> {
        let mut coming = store.documents(since).await?;
        if !say(self.head())? {
            return Ok(());
        }
        loop {
            let batch = documents::next(&mut coming).await?;
            if batch.is_empty() {
                break;
            }
            if !say(&self.text(&batch))? {
                return Ok(());
            }
        }
        self.tell_left_out();
        Ok(())
    }

    fn head(&self) -> &'static str {
        match self {
            Self::Csv(_) => CsvRows::HEAD,
            Self::Lines(_) => "",
        }
    }

    fn text(&mut self, batch: &[Document]) -> String {
        match self {
            Self::Csv(rows) => rows.of(batch),
            Self::Lines(zone) => batch.iter().map(|one| documents::line(one, *zone)).collect(),
        }
    }

    fn tell_left_out(&self) {
        if let Self::Csv(rows) = self
            && rows.left_out > 0
        {
            let what = match rows.left_out {
                1 => "1 document holds no reading, and has no row".to_owned(),
                count => format!("{count} documents hold no reading, and have no row"),
            };
            tracing::warn!("{what}: `--jsonl` has them");
        }
    }
}
