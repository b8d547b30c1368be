//! Makes and deletes queues for the program `queue`.

use super::client::{PATIENCE, within};
use super::options::SqsOptions;
use crate::error::Result;
use crate::location::Location;
use crate::queues::{Deletion, Options};

/// Makes a queue, one for its dead letters, and the redrive policy between the two. `false`: it was
/// there already.
pub async fn create(url: Location, options: &Options) -> Result<bool> {
    let parsed = SqsOptions::of(url)?;
    let queue = parsed.open(&Options { create: false, ..options.clone() }).await?;
    queue.create().await
}

/// Deletes a queue, and with it all that waits in it; unless `yes` only tells. Its dead letters
/// stay.
pub async fn delete(url: Location, options: &Options, yes: bool) -> Result<Deletion> {
    let parsed = SqsOptions::of(url)?;
    let queue = parsed.open(&Options { create: false, ..options.clone() }).await?;
    let survey = queue.survey().await?;
    if yes {
        let failed =
            |error: super::error::ServiceError| error.to_error("cannot delete", &queue.name);
        let url = queue.url().await.map_err(failed)?;
        let request = queue.client.delete_queue().queue_url(url).send();
        within(PATIENCE, request).await.map_err(failed)?;
    }
    let dead: Vec<_> = survey.places().map(|burial| burial.name.short()).collect();
    let stays = (!dead.is_empty())
        .then(|| format!("the dead letters in {} stay", crate::location::list(&dead)));
    Ok(Deletion { messages: survey.setup.held(), dead: None, stays })
}
