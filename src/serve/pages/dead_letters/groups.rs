//! Dead letters by their reasons: those that differ in numbers and quoted names only are of one group.

use super::super::Pages;
use super::super::numbers::{count, shown, time};
use super::super::sites::ShownQueue;
use super::matching::Matching;
use super::reasons::{form, key};
use super::{PATH, path_of, verb};
use crate::inspect::DeadLetterAction;
use crate::queues::DeadLetterHead;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The most groups that are told apart; what is beyond is one group more.
const MOST: usize = 200;

/// Dead letters of one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// The reason of the first of them.
    reason: String,
    /// Whether all have that very reason.
    is_one: bool,
    letters: u64,
    newest: Option<DateTime<Utc>>,
}

/// Groups, and whether all dead letters are in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Groups {
    by_form: BTreeMap<String, Group>,
    /// How many dead letters were looked at.
    pub(super) letters: u64,
    /// There are more than these.
    pub(super) is_part: bool,
}

impl Groups {
    /// Adds a dead letter.
    pub(super) fn add(&mut self, head: &DeadLetterHead) {
        self.letters += 1;
        let form = form(&head.reason);
        if !self.by_form.contains_key(&form) && self.by_form.len() >= MOST {
            self.is_part = true;
            return;
        }
        let reason = head.reason.clone();
        let first = Group { reason, is_one: true, letters: 0, newest: None };
        let group = self.by_form.entry(form).or_insert(first);
        group.letters += 1;
        group.is_one &= group.reason == head.reason;
        group.newest = group.newest.max(head.died_at);
    }
}

/// The groups as a table, with what can be done to each.
pub(super) fn table(
    pages: &Pages,
    queue: &ShownQueue,
    groups: &Groups,
    matching: &Matching,
) -> Markup {
    let mut all: Vec<_> = groups.by_form.iter().collect();
    all.sort_by_key(|(_, group)| std::cmp::Reverse(group.letters));
    html! {
        @if !all.is_empty() {
            h2 { "By reason" }
            div.scroll tabindex="0" role="region" aria-label="Reasons" {
                table.reasons {
                    thead {
                        tr {
                            th scope="col" { "Reason" }
                            th.number scope="col" { "Letters" }
                            th scope="col" { "Newest" }
                            th scope="col" { span.hidden { "Actions" } }
                        }
                    }
                    tbody { @for (form, group) in all { (row(pages, queue, (form, group), matching)) } }
                }
            }
            @if groups.is_part {
                p.hint { "Only the oldest " (count(groups.letters)) " were looked at: there are more." }
            }
        }
    }
}

fn row(
    pages: &Pages,
    queue: &ShownQueue,
    (form, group): (&str, &Group),
    matching: &Matching,
) -> Markup {
    let (now, zone) = (pages.shown.options.clock.now(), pages.shown.timezone);
    let key = key(form);
    let of_group = Matching { reason: Some(key.clone()), ..matching.clone() };
    html! {
        tr {
            th scope="row" {
                a href=(queue.address(PATH, &of_group.fields()))
                    aria-current=[(matching.reason.as_ref() == Some(&key)).then_some("true")] {
                    (shown(&group.reason))
                }
                @if !group.is_one { div.age { "and others like it" } }
            }
            td.number { (count(group.letters)) }
            td { @if let Some(newest) = group.newest { (time(newest, now, zone)) } }
            td { (forms(pages, queue, &of_group, group.letters)) }
        }
    }
}

/// The buttons that redrive or drop all that match.
pub(super) fn forms(
    pages: &Pages,
    queue: &ShownQueue,
    matching: &Matching,
    letters: u64,
) -> Markup {
    html! {
        @if !pages.shown.read_only && letters > 0 {
            form method="post" {
                (pages.form_token())
                input type="hidden" name="queue" value=(queue.label);
                input type="hidden" name="all" value="1";
                @for (name, value) in matching.fields() { input type="hidden" name=(name) value=(value); }
                @for action in [DeadLetterAction::Redrive, DeadLetterAction::Drop] {
                    button type="submit" formaction=(path_of(action)) {
                        (verb(action)) " all " (count(letters))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queues::DeadLetterId;

    fn head(reason: &str) -> DeadLetterHead {
        DeadLetterHead {
            name: DeadLetterId(String::new()),
            id: "a".to_owned(),
            attempts: None,
            first_at: None,
            died_at: None,
            reason: reason.to_owned(),
            from: None,
        }
    }

    #[test]
    fn a_group_tells_whether_its_reasons_are_one() {
        let mut groups = Groups::default();
        for reason in ["status 503", "status 503", "gone"] {
            groups.add(&head(reason));
        }
        assert!(groups.by_form.values().all(|group| group.is_one));
        groups.add(&head("status 404"));
        let group = &groups.by_form["status #"];
        assert_eq!((group.letters, group.is_one, groups.letters), (3, false, 4));
    }

    #[test]
    fn there_are_only_so_many_groups() {
        let mut groups = Groups::default();
        for number in 0..=MOST {
            let letters: String =
                number.to_string().bytes().map(|digit| char::from(digit + 49)).collect();
            groups.add(&head(&letters));
        }
        assert_eq!((groups.by_form.len(), groups.is_part), (MOST, true));
    }
}
