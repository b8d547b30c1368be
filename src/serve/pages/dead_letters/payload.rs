//! The payload of a dead letter, whole, as a file.

use super::super::Pages;
use super::super::fields::Fields;
use super::super::messages::file;
use super::super::sites::within;
use super::FRAME;
use crate::error::{Error, Kind, Result};
use crate::inspect::lacks;
use crate::queues::{DeadLetter, DeadLetterId, DeadLetterPart, DeadLetterStore, Which};
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use std::sync::Arc;

/// How many dead letters of one id are looked at in one step.
const STEP: usize = 10;

/// The payload of the dead letter that an address names.
pub(super) async fn download(State(pages): State<Arc<Pages>>, uri: Uri) -> Response {
    match read(&pages, &Fields::of(&uri)).await {
        Ok(letter) => file(&letter.message.id, letter.message.body),
        Err(error) => FRAME.failed(&pages, &error),
    }
}

async fn read(pages: &Pages, fields: &Fields) -> Result<DeadLetter> {
    let inspector = pages.sites.named(fields).await?.open().await?;
    let store = inspector.dead_letters().ok_or_else(|| lacks("keep dead letters"))?;
    let name = DeadLetterId(fields.get("letter").unwrap_or_default().to_owned());
    let id = fields.get("id").unwrap_or_default();
    within(find(store, id, &name)).await?.ok_or_else(|| {
        Error::new(Kind::Usage, "the dead letter is not there any more")
            .because_of("it was redriven or dropped meanwhile")
            .of_missing()
    })
}

async fn find(
    store: &dyn DeadLetterStore,
    id: &str,
    name: &DeadLetterId,
) -> Result<Option<DeadLetter>> {
    let (which, mut after) = (Which::Ids(vec![id.to_owned()]), None);
    loop {
        let part = DeadLetterPart { after: after.as_ref(), upto: None };
        let page = store.list(&which, part, STEP).await?;
        let Some(last) = page.last() else { return Ok(None) };
        after = Some(last.head.name.clone());
        if let Some(found) = page.into_iter().find(|letter| letter.head.name == *name) {
            return Ok(Some(found));
        }
    }
}
