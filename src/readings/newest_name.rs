//! The name that the newest document of a series tells.

/// The newest name of a series so far, with the time of the document that told it last.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct NewestName(Option<(i64, String)>);

impl NewestName {
    /// A name that a document of this time told, in milliseconds since 1970; `None` where none did.
    pub(super) fn of(told: Option<(i64, String)>) -> Self {
        Self(told)
    }

    /// Notes what a document of this time tells. Of two of one time the one that is met later counts.
    pub(super) fn tell(&mut self, at: i64, name: &str) {
        match &mut self.0 {
            Some((known_at, _)) if *known_at > at => {}
            Some((known_at, known)) => {
                *known_at = at;
                if known != name {
                    name.clone_into(known);
                }
            }
            None => self.0 = Some((at, name.to_owned())),
        }
    }

    /// Notes what documents told that were met later than all of these.
    pub(super) fn merge(&mut self, later: &Self) {
        if let Some((at, name)) = &later.0 {
            self.tell(*at, name);
        }
    }

    /// The name, with the time of the document that told it last.
    pub(super) fn told(&self) -> Option<(i64, &str)> {
        self.0.as_ref().map(|(at, name)| (*at, name.as_str()))
    }

    /// The name alone.
    pub(super) fn into_name(self) -> Option<String> {
        self.0.map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_document_names_a_series_in_whatever_order_they_come() {
        // The name of 1 is told again at 5; what comes late with another one is older than that.
        for told in [[(1, "a"), (5, "a"), (3, "b")], [(3, "b"), (5, "a"), (1, "a")]] {
            let mut name = NewestName::default();
            told.iter().for_each(|(at, text)| name.tell(*at, text));
            assert_eq!(name.told(), Some((5, "a")), "{told:?}");
            let (mut first, mut rest) = (NewestName::default(), NewestName::default());
            first.tell(told[0].0, told[0].1);
            told[1..].iter().for_each(|(at, text)| rest.tell(*at, text));
            first.merge(&rest);
            assert_eq!(first, name, "{told:?}");
        }
    }

    #[test]
    fn of_one_time_the_later_document_counts() {
        let mut name = NewestName::default();
        name.tell(1, "a");
        name.tell(1, "b");
        assert_eq!(name.into_name().as_deref(), Some("b"));
    }
}
