//! Walks over dead letters, so many at a time.

use super::groups::Groups;
use super::matching::Matching;
use crate::error::Result;
use crate::queues::{
    DeadLetter, DeadLetterHead, DeadLetterId, DeadLetterPart, DeadLetterStore, Which,
};

/// How many are read, or changed, in one step: others work on between two steps.
pub(super) const STEP: usize = 1000;
/// How many a page has.
const PAGE: usize = 50;
/// How many are grouped at most.
const GROUPED: u64 = 100_000;

/// A walk over dead letters, in the order of their dying.
pub(super) struct Scan<'s> {
    store: &'s dyn DeadLetterStore,
    matching: &'s Matching,
    which: Which,
    /// The last one that was seen.
    pub(super) after: Option<DeadLetterId>,
    /// The one that it goes up to.
    upto: Option<DeadLetterId>,
}

impl<'s> Scan<'s> {
    /// Behind one of them, up to another one.
    pub(super) fn new(
        store: &'s dyn DeadLetterStore,
        matching: &'s Matching,
        after: Option<DeadLetterId>,
        upto: Option<DeadLetterId>,
    ) -> Self {
        Self { store, matching, which: matching.which(), after, upto }
    }

    /// Those of the next step that match, which may be none; `None` at the end.
    pub(super) async fn step(&mut self) -> Result<Option<Vec<DeadLetterHead>>> {
        let part = DeadLetterPart { after: self.after.as_ref(), upto: self.upto.as_ref() };
        let mut heads = self.store.heads(&self.which, part, STEP).await?;
        let Some(last) = heads.last() else { return Ok(None) };
        self.after = Some(last.name.clone());
        heads.retain(|head| self.matching.has(head));
        Ok(Some(heads))
    }
}

/// How many match, up to the last one that is there now, and which this is.
pub(super) async fn count(
    store: &dyn DeadLetterStore,
    matching: &Matching,
) -> Result<(u64, Option<DeadLetterId>)> {
    let upto = store.last().await?;
    if upto.is_none() {
        return Ok((0, None));
    }
    let (mut scan, mut letters) = (Scan::new(store, matching, None, upto.clone()), 0);
    while let Some(heads) = scan.step().await? {
        letters += u64::try_from(heads.len()).unwrap_or(u64::MAX);
    }
    Ok((letters, upto))
}

/// What a page shows.
#[derive(Default)]
pub(super) struct Found {
    /// All of the queue, grouped.
    pub(super) groups: Groups,
    /// How many of these match.
    pub(super) matching: u64,
    /// Those of the page.
    pub(super) letters: Vec<DeadLetter>,
    /// There are more behind the last one of the page.
    pub(super) has_more: bool,
}

/// Looks at all of them by their heads, and at those of a page whole.
pub(super) async fn look(
    store: &dyn DeadLetterStore,
    matching: &Matching,
    after: Option<&str>,
) -> Result<Found> {
    let mut found = Found::default();
    let all = Matching { reason: None, ..matching.clone() };
    let mut scan = Scan::new(store, &all, None, None);
    while let Some(heads) = scan.step().await? {
        heads.iter().for_each(|head| found.groups.add(head));
        found.matching +=
            u64::try_from(heads.iter().filter(|it| matching.has(it)).count()).unwrap_or(0);
        if found.groups.letters >= GROUPED {
            found.groups.is_part = true;
            break;
        }
    }
    let after = after.map(|after| DeadLetterId(after.to_owned()));
    let heads = page(store, matching, after.clone()).await?;
    found.has_more = heads.len() > PAGE;
    found.letters = whole(store, after.as_ref(), &heads[..heads.len().min(PAGE)]).await?;
    Ok(found)
}

/// The heads of a page, and one more where there are more.
async fn page(
    store: &dyn DeadLetterStore,
    matching: &Matching,
    after: Option<DeadLetterId>,
) -> Result<Vec<DeadLetterHead>> {
    let (mut scan, mut heads) = (Scan::new(store, matching, after, None), Vec::new());
    while let Some(step) = scan.step().await? {
        heads.extend(step);
        if heads.len() > PAGE {
            heads.truncate(PAGE + 1);
            break;
        }
    }
    Ok(heads)
}

/// The dead letters of these heads, in their order.
async fn whole(
    store: &dyn DeadLetterStore,
    after: Option<&DeadLetterId>,
    heads: &[DeadLetterHead],
) -> Result<Vec<DeadLetter>> {
    let which = Which::Ids(heads.iter().map(|head| head.id.clone()).collect());
    let (mut letters, mut after) = (Vec::new(), after.cloned());
    while letters.len() < heads.len() {
        let upto = heads.last().map(|head| &head.name);
        let part = DeadLetterPart { after: after.as_ref(), upto };
        let page = store.list(&which, part, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.head.name.clone());
        let is_meant = |letter: &DeadLetter| heads.iter().any(|it| it.name == letter.head.name);
        letters.extend(page.into_iter().filter(is_meant));
    }
    Ok(letters)
}
