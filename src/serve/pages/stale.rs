//! Why values are not those of now: told beside a device that is alone with its reason, and once below a
//! table for several.

use maud::{Markup, html};

/// The reasons of the devices of a table, each once, with the names of those that have it.
pub(super) struct Reasons(Vec<(&'static str, Vec<String>)>);

impl Reasons {
    /// Those of these stale devices: the name of each, fit to be shown, and its reason.
    pub(super) fn of(stale: impl IntoIterator<Item = (String, &'static str)>) -> Self {
        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        for (name, why) in stale {
            match reasons.iter_mut().find(|(known, _)| *known == why) {
                Some((_, names)) => names.push(name),
                None => reasons.push((why, vec![name])),
            }
        }
        Self(reasons)
    }

    /// Whether only one device has this reason.
    pub(super) fn is_alone(&self, why: &str) -> bool {
        self.0.iter().any(|(known, names)| *known == why && names.len() == 1)
    }

    /// The reasons that several devices have, a sentence each.
    pub(super) fn told(&self) -> Markup {
        html! {
            @for (why, names) in self.0.iter().filter(|(_, names)| names.len() > 1) {
                p.age.reasons-told { (names.join(", ")) ": " (why) "." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_several_is_told_once() {
        let stale = [("a", "old"), ("b", "offline"), ("c", "old")];
        let reasons = Reasons::of(stale.map(|(name, why)| (name.to_owned(), why)));
        assert!(reasons.is_alone("offline") && !reasons.is_alone("old"));
        let told = reasons.told().into_string();
        assert_eq!(told, "<p class=\"age reasons-told\">a, c: old.</p>");
    }
}
