//! Dead letters where looking is receiving: shown, redriven and dropped by the ids of their messages.

use super::super::fields::Fields;
use super::super::messages::LIMITS;
use super::super::numbers::shown;
use super::super::one_thread::in_one_thread;
use super::super::sites::ShownQueue;
use super::super::tally::Tally;
use super::super::{Pages, choice};
use super::list::{self, NamedBy};
use super::question::{Chosen, Request, listed, told};
use super::result::result;
use super::{FRAME, PATH};
use crate::error::Result;
use crate::inspect::{DeadLetterAction, DeadLetters, Handled};
use crate::queues::{DeadLetter, DeadLetterOutcome, Inspect, Which};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long those that were named are waited for: who has just looked at them may have them in flight
/// still, for about as long. A page has 30 s to answer.
const LEASE: Duration = Duration::from_secs(20);

/// Why one that was named is as it was.
const ABSENT: &str =
    "it did not come within the time of a lease: somebody else may have it in flight";

/// Receives dead letters, shows them, and gives all of them back.
pub(super) async fn receive(
    State(pages): State<Arc<Pages>>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let looking = pages.clone();
    let looked = in_one_thread(move || async move { look(&looking, &fields).await });
    let (queue, letters) = match looked.await {
        Ok(found) => found,
        Err(error) => return FRAME.failed(&pages, &error),
    };
    let content = html! {
        h1 { "Dead letters of " span.name { (shown(&queue.label)) } }
        (choice::queues(&pages.sites.queues(), PATH, &queue))
        p.as-of { (letters.len()) " received, and given back." }
        @if letters.is_empty() {
            div.empty { p { "No dead letter came." } }
        } @else {
            (list::table(&pages, &queue, &letters, NamedBy::MessageId))
        }
    };
    FRAME.page(&pages, &content).into_response()
}

async fn look(pages: &Pages, fields: &Fields) -> Result<(ShownQueue, Vec<DeadLetter>)> {
    let queue = pages.sites.named(fields).await?;
    let inspector = queue.open().await?;
    let mut found = Vec::new();
    {
        let letters = opened(&queue, &*inspector, LIMITS.idle).await?;
        let mut show = |page: &[DeadLetter]| {
            found.extend_from_slice(page);
            Ok(true)
        };
        letters.list(&Which::All, LIMITS.max, pending(), &mut show).await?;
    }
    Ok((queue, found))
}

async fn opened<'q>(
    queue: &ShownQueue,
    inspector: &'q dyn Inspect,
    idle: Duration,
) -> Result<DeadLetters<'q>> {
    DeadLetters::of(inspector, (&queue.queue.url, queue.options()), idle).await
}

/// Redrives or drops those with these ids, or all that come, once somebody has agreed to it.
pub(super) async fn act(pages: &Pages, queue: &ShownQueue, request: Request) -> Result<Markup> {
    let (which, ids) = match &request.chosen {
        Chosen::Letters(ids) => (Which::Ids(ids.clone()), ids.clone()),
        Chosen::Matching(_) => (Which::All, Vec::new()),
    };
    let letters = request.named().unwrap_or_default();
    if request.agreed != Some(letters) {
        let what = match which {
            Which::All => "all dead letters".to_owned(),
            Which::Ids(_) => told(&ids, letters),
        };
        let question = Request { agreed: Some(letters), ..request };
        let asked = question.question(pages, queue, &what, false);
        return Ok(html! { (asked) (listed(&ids)) });
    }
    let (working, action) = (queue.clone(), request.action);
    let work = in_one_thread(move || async move { carry_out(&working, action, &which).await });
    Ok(result(pages, queue, &request, &work.await?, false))
}

/// A short look, and a long one for those that were named and did not come. The long one has long requests
/// open when it ends, which the service may answer though nobody hears it: only who needs it does it.
async fn carry_out(queue: &ShownQueue, action: DeadLetterAction, which: &Which) -> Result<Tally> {
    let inspector = queue.open().await?;
    let mut tally = Tally::default();
    let missing = pass(queue, &*inspector, (action, which), LIMITS.idle, &mut tally).await?;
    if missing.is_empty() {
        return Ok(tally);
    }
    let which = Which::Ids(missing);
    let missing = pass(queue, &*inspector, (action, &which), LEASE, &mut tally).await?;
    let absent = |_| DeadLetterOutcome::Kept(ABSENT.to_owned());
    tally.add_dead(missing.into_iter().map(absent));
    Ok(tally)
}

/// Works on what comes until nothing has come for `idle`, or, where that is long, all that were named have;
/// gives the ids of those that were named and did not come.
async fn pass(
    queue: &ShownQueue,
    inspector: &dyn Inspect,
    (action, which): (DeadLetterAction, &Which),
    idle: Duration,
    tally: &mut Tally,
) -> Result<Vec<String>> {
    let mut missing = match which {
        Which::Ids(ids) => ids.clone(),
        Which::All => Vec::new(),
    };
    let enough = CancellationToken::new();
    let mut tell = |handled: &[Handled]| {
        tally.add_dead(handled.iter().filter_map(|(_, outcome)| outcome.clone()));
        missing.retain(|id| !handled.iter().any(|(head, _)| head.id == *id));
        if missing.is_empty() && idle > LIMITS.idle {
            enough.cancel();
        }
        Ok(true)
    };
    let letters = opened(queue, inspector, idle).await?;
    letters.work_on(which, Some(action), enough.cancelled(), &mut tell).await?;
    Ok(missing)
}
