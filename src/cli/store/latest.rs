//! `store latest`: the newest values of each device.

use super::arguments::StoreUrl;
use super::context::{StoreContext, closing};
use super::format;
use crate::cli::tell::{Form, say};
use crate::error::Result;
use clap::Args;

/// Show the newest values of each device, and how old they are
///
/// A line for each device under its newest name: temperature, humidity, light, when it last saw a
/// movement, power, and whatever else it measures; then how long ago that was stored. What is not to
/// be taken for now's is `stale`, and why: nothing new came, the device is offline, or its values have
/// not changed for a day.
#[derive(Debug, Args)]
pub(super) struct ShowLatest {
    #[command(flatten)]
    store: StoreUrl,
}

impl ShowLatest {
    pub(super) async fn run(self, context: &StoreContext<'_>) -> Result<()> {
        let url = context.url(&self.store)?;
        let now = context.options(&url)?.clock.now();
        let store = context.open(&self.store).await?;
        let found = store.latest().await;
        let place = store.describe().to_owned();
        let latest = closing(store, found).await?;
        match context.form {
            Form::Human if latest.is_empty() => say(&format::no_readings(&place)),
            form => say(&format::latest(&latest, now, form)),
        }
        .map(drop)
    }
}
