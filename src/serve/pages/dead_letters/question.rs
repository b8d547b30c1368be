//! What is to be done to which dead letters, as forms say it, and the question whether that is meant.

use super::super::Pages;
use super::super::fields::{Fields, sealed, unsealed};
use super::super::numbers::{shown, things};
use super::super::sites::ShownQueue;
use super::matching::Matching;
use super::{PATH, path_of, verb};
use crate::inspect::DeadLetterAction;
use crate::queues::DeadLetterId;
use maud::{Markup, html};

/// How many names a question lists.
const LISTED: usize = 10;

/// What a form asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) action: DeadLetterAction,
    pub(super) chosen: Chosen,
    /// How many the person has agreed to.
    pub(super) agreed: Option<u64>,
    /// The work goes on behind this one.
    pub(super) after: Option<DeadLetterId>,
    /// The work goes up to this one.
    pub(super) upto: Option<DeadLetterId>,
    /// How many were done before.
    pub(super) done: u64,
}

/// Which dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chosen {
    /// Those of these names.
    Letters(Vec<String>),
    /// All that match.
    Matching(Matching),
}

impl Request {
    pub(super) fn of(action: DeadLetterAction, fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).filter(|it| !it.is_empty());
        let letter = |name: &str| text(name).and_then(unsealed).map(DeadLetterId);
        let number = |name: &str| text(name).and_then(|it| it.parse().ok());
        let chosen = match (text("one"), text("all")) {
            (Some(one), _) => Chosen::Letters(unsealed(one).into_iter().collect()),
            (None, Some(_)) => Chosen::Matching(Matching::of(fields)),
            (None, None) => Chosen::Letters(fields.all("letter").filter_map(unsealed).collect()),
        };
        let (after, upto, agreed) = (letter("after"), letter("upto"), number("agreed"));
        Self { action, chosen, agreed, after, upto, done: number("done").unwrap_or_default() }
    }

    /// How many are chosen by their names; `None` where all are that match.
    pub(super) fn named(&self) -> Option<u64> {
        match &self.chosen {
            Chosen::Letters(letters) => Some(letters.len().try_into().unwrap_or(u64::MAX)),
            Chosen::Matching(_) => None,
        }
    }

    /// The form that asks for it again with this button.
    pub(super) fn form(&self, pages: &Pages, queue: &ShownQueue, button: &Markup) -> Markup {
        let class = match self.action {
            DeadLetterAction::Redrive => "primary",
            DeadLetterAction::Drop => "danger",
        };
        html! {
            form method="post" action=(path_of(self.action)) {
                (pages.form_token())
                input type="hidden" name="queue" value=(queue.label);
                @for (name, value) in self.fields() { input type="hidden" name=(name) value=(value); }
                button class=(class) type="submit" { (button) }
                a href=(queue.address(PATH, &[])) { "Cancel" }
            }
        }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = match &self.chosen {
            Chosen::Letters(letters) => {
                letters.iter().map(|letter| ("letter", sealed(letter))).collect()
            }
            Chosen::Matching(matching) => {
                let said = matching.fields().map(|(name, value)| (name, value.to_owned()));
                let mut fields = vec![("all", "1".to_owned())];
                fields.extend(said);
                fields
            }
        };
        let letter =
            |it: &Option<DeadLetterId>| it.as_ref().map_or_else(String::new, |it| sealed(&it.0));
        fields.push(("agreed", self.agreed.map_or_else(String::new, |it| it.to_string())));
        fields.push(("after", letter(&self.after)));
        fields.push(("upto", letter(&self.upto)));
        fields.push(("done", self.done.to_string()));
        fields
    }

    /// The question whether this is meant; `grown` where there were fewer when it was asked before.
    pub(super) fn question(
        &self,
        pages: &Pages,
        queue: &ShownQueue,
        what: &str,
        grown: bool,
    ) -> Markup {
        let verb = verb(self.action);
        html! {
            h1 { (verb) " " (what) "?" }
            p { "In " span.name { (shown(&queue.label)) } "." }
            @if grown {
                p.error role="alert" { "There are more by now than when you were asked: nothing was changed." }
            }
            p { (self.consequence()) }
            (self.form(pages, queue, &html! { (verb) " " (what) }))
        }
    }

    fn consequence(&self) -> &'static str {
        match self.action {
            DeadLetterAction::Redrive => {
                "Each goes back to the end of its queue, with no attempt counted."
            }
            DeadLetterAction::Drop => "They are forgotten for good, with their payloads.",
        }
    }
}

/// What is chosen, by its id or by how many there are.
pub(super) fn told(ids: &[String], letters: u64) -> String {
    match ids {
        [id] if letters == 1 => shown(id),
        _ => things(letters, "dead letter"),
    }
}

/// The ids of what is chosen, as far as a question lists them.
pub(super) fn listed(ids: &[String]) -> Markup {
    html! {
        @if ids.len() > 1 {
            ul { @for id in ids.iter().take(LISTED) { li { code { (shown(id)) } } } }
            @if ids.len() > LISTED { p.hint { "and " (ids.len() - LISTED) " more" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Request {
        Request::of(DeadLetterAction::Drop, &Fields::parse(text.as_bytes()))
    }

    #[test]
    fn one_goes_before_the_selected_and_all_is_said() {
        let letters =
            |names: &[&str]| Chosen::Letters(names.iter().map(|name| (*name).to_owned()).collect());
        let [a, b, c] = ["a", "b", "c"].map(sealed);
        assert_eq!(of(&format!("letter={a}&letter={b}&one={c}")).chosen, letters(&["c"]));
        assert_eq!(of(&format!("letter={a}&letter={b}")).chosen, letters(&["a", "b"]));
        assert_eq!(of("queue=q").chosen, letters(&[]));
        assert_eq!(of("all=1&reason=&id=").chosen, Chosen::Matching(Matching::default()));
    }

    #[test]
    fn a_form_says_all_of_it_again() {
        let [a, b] = ["a\r\n", "b&"].map(sealed);
        let named = format!("letter={a}&letter={b}&agreed=2");
        let matching = format!("all=1&reason=r&id=i&after={a}&upto={b}&done=7");
        for text in [named, matching] {
            let request = of(&text);
            let fields: String = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(request.fields())
                .finish();
            assert_eq!(of(&fields), request);
        }
    }
}
