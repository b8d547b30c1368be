//! Redrives and drops dead letters, once somebody has agreed to it.

use super::super::Pages;
use super::super::fields::Fields;
use super::super::sites::{ShownQueue, within};
use super::super::tally::Tally;
use super::question::{Chosen, Request, listed, told};
use super::result::result;
use super::scan::{self, STEP, Scan};
use super::{FRAME, received};
use crate::error::{Error, Kind, Result};
use crate::inspect::{DeadLetterAction, lacks};
use crate::queues::{DeadLetterId, DeadLetterOutcome, DeadLetterStore};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// After so long the work of one request ends; whoever wants more of it says so.
const LONGEST: Duration = Duration::from_secs(10);
/// Puts dead letters back.
pub(super) async fn redrive(
    State(pages): State<Arc<Pages>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    answer(&pages, &fields, DeadLetterAction::Redrive).await
}

/// Forgets dead letters.
pub(super) async fn drop(
    State(pages): State<Arc<Pages>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    answer(&pages, &fields, DeadLetterAction::Drop).await
}

async fn answer(pages: &Pages, fields: &Fields, action: DeadLetterAction) -> Response {
    match act(pages, fields, Request::of(action, fields)).await {
        Ok(content) => FRAME.page(pages, &content).into_response(),
        Err(error) => FRAME.failed(pages, &error),
    }
}

async fn act(pages: &Pages, fields: &Fields, request: Request) -> Result<Markup> {
    let queue = pages.sites.named(fields).await?;
    if request.named() == Some(0) {
        return Err(
            Error::new(Kind::Usage, "no dead letter is selected").hint("go back, and select some")
        );
    }
    let inspector = queue.open().await?;
    if inspector.peek_by_receiving().is_some() {
        return received::act(pages, &queue, request).await;
    }
    let store = inspector.dead_letters().ok_or_else(|| lacks("keep dead letters"))?;
    let done = match &request.chosen {
        Chosen::Letters(letters) => named(pages, &queue, store, &request, letters).await,
        Chosen::Matching(_) => matching(pages, &queue, store, request).await,
    };
    let closed = inspector.close().await;
    let done = done?;
    closed.map(|()| done)
}

/// Those that were named; the ids stand in their names.
async fn named(
    pages: &Pages,
    queue: &ShownQueue,
    store: &dyn DeadLetterStore,
    request: &Request,
    names: &[String],
) -> Result<Markup> {
    let letters = request.named().unwrap_or_default();
    if request.agreed != Some(letters) {
        let ids = within(ids_of(store, names)).await?;
        let question = Request { agreed: Some(letters), ..request.clone() };
        let asked = question.question(pages, queue, &told(&ids, letters), false);
        return Ok(html! { (asked) (listed(&ids)) });
    }
    let mut tally = Tally::default();
    for step in names.chunks(STEP) {
        let step = step.iter().map(|name| DeadLetterId(name.clone())).collect();
        tally.add_dead(carry_out(store, request.action, step).await?);
    }
    Ok(result(pages, queue, request, &tally, false))
}

/// The ids of the messages of these dead letters, as far as they are there.
async fn ids_of(store: &dyn DeadLetterStore, names: &[String]) -> Result<Vec<String>> {
    let all = super::Matching::default();
    let (mut scan, mut ids) = (Scan::new(store, &all, None, None), Vec::new());
    while ids.len() < names.len()
        && let Some(heads) = scan.step().await?
    {
        let meant = heads.into_iter().filter(|head| names.contains(&head.name.0));
        ids.extend(meant.map(|head| head.id));
    }
    Ok(ids)
}

/// All that match and are there now, step by step, until the time of a request is over.
async fn matching(
    pages: &Pages,
    queue: &ShownQueue,
    store: &dyn DeadLetterStore,
    mut request: Request,
) -> Result<Markup> {
    let Chosen::Matching(matching) = request.chosen.clone() else { return Ok(html! {}) };
    if request.after.is_none() {
        let (now, upto) = scan::count(store, &matching).await?;
        if request.agreed.is_none_or(|agreed| now > agreed) {
            let grown = request.agreed.is_some();
            let question = Request { agreed: Some(now), ..request };
            return Ok(question.question(pages, queue, &told(&[], now), grown));
        }
        request.upto = upto;
    }
    let (mut tally, until) = (Tally::default(), Instant::now() + LONGEST);
    let (after, upto) = (request.after.clone(), request.upto.clone());
    let mut scan = Scan::new(store, &matching, after, upto);
    while let Some(heads) = scan.step().await? {
        let step = heads.into_iter().map(|head| head.name).collect();
        tally.add_dead(carry_out(store, request.action, step).await?);
        if Instant::now() >= until {
            request.after = scan.after.clone();
            request.done += tally.done;
            return Ok(result(pages, queue, &request, &tally, true));
        }
    }
    tally.done += request.done;
    Ok(result(pages, queue, &request, &tally, false))
}

async fn carry_out(
    store: &dyn DeadLetterStore,
    action: DeadLetterAction,
    letters: Vec<DeadLetterId>,
) -> Result<Vec<DeadLetterOutcome>> {
    match action {
        DeadLetterAction::Redrive => store.redrive(letters).await,
        DeadLetterAction::Drop => store.drop(letters).await,
    }
}
