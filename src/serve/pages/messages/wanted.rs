//! Which messages an address asks for.

use super::super::fields::Fields;
use super::super::sites::ShownQueue;
use super::{PATH, STATES};
use crate::queues::{MessageState, PeekFilter};
use maud::{Markup, html};

/// Which messages an address asks for; what is empty in a form asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The one with this id.
    pub(super) id: Option<String>,
    /// Those that are like this.
    pub(super) filter: PeekFilter,
    /// Those behind this position.
    pub(super) after: i64,
}

impl Wanted {
    pub(super) fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).filter(|it| !it.is_empty()).map(str::to_owned);
        let state = fields.get("state").unwrap_or_default();
        let state = STATES.iter().find(|(_, name, _)| *name == state).map(|(state, ..)| *state);
        let filter = PeekFilter { state, group: text("group"), tag: text("tag") };
        let after = fields.get("after").and_then(|it| it.parse().ok()).unwrap_or_default();
        Self { id: text("id"), filter, after }
    }

    /// Whether the page is that of a state, of all where there is none.
    pub(super) fn is_state(&self, state: Option<MessageState>) -> bool {
        self.id.is_none() && self.filter.state == state
    }

    /// The address of the messages behind a position.
    pub(super) fn next(&self, queue: &ShownQueue, after: i64) -> String {
        let after = after.to_string();
        let fields = self.fields();
        let fields: Vec<_> = fields.into_iter().chain([("after", after.as_str())]).collect();
        queue.address(PATH, &fields)
    }

    fn fields(&self) -> [(&'static str, &str); 3] {
        let state = self.filter.state.map_or("", super::name);
        [
            ("state", state),
            ("group", self.filter.group.as_deref().unwrap_or_default()),
            ("tag", self.filter.tag.as_deref().unwrap_or_default()),
        ]
    }

    /// The form that searches.
    pub(super) fn search(&self, queue: &ShownQueue) -> Markup {
        let field = |name: &str, label: &str, value: &str| {
            html! { label { (label) " " input type="search" name=(name) value=(value) autocomplete="off"; } }
        };
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        html! {
            form.search role="search" action=(PATH) {
                input type="hidden" name="queue" value=(queue.label);
                @if let Some(state) = self.filter.state {
                    input type="hidden" name="state" value=(super::name(state));
                }
                (field("id", "Id", &text(&self.id)))
                (field("group", "Group", &text(&self.filter.group)))
                (field("tag", "Tag", &text(&self.filter.tag)))
                button type="submit" { "Search" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_empty_asks_for_nothing() {
        let of = |text: &str| Wanted::of(&Fields::parse(text.as_bytes()));
        assert_eq!(of("queue=a&id=&group=&tag=&state=&after="), Wanted::default());
        assert_eq!(of("state=none&after=x"), Wanted::default());
        let wanted = of("state=leased&tag=a%26b&after=50");
        assert_eq!(wanted.filter.state, Some(MessageState::Leased));
        assert_eq!((wanted.filter.tag.as_deref(), wanted.after), (Some("a&b"), 50));
        assert!(wanted.is_state(Some(MessageState::Leased)) && !wanted.is_state(None));
    }
}
