//! The list of a shelf: which backend a scheme means, and which of them are in this build.

use crate::error::Result;
use crate::location::Location;

/// A shelf's backends, in the order in which errors name them.
pub struct Registry<B: ?Sized + 'static> {
    /// What one of them is called: `queue`.
    pub noun: &'static str,
    /// One line a scheme.
    pub lines: &'static [(&'static str, Entry<B>)],
}

/// What a line of the list says of a scheme.
pub enum Entry<B: ?Sized + 'static> {
    /// This build has the backend.
    Built(&'static B),
    /// Builds with this feature have one.
    Without(&'static str),
}

impl<B: ?Sized> Registry<B> {
    /// The backend of a URL.
    ///
    /// # Errors
    /// `Usage` for a scheme that is not in the list, `Configuration` for one that this build lacks.
    pub fn find(&self, url: &Location) -> Result<&'static B> {
        match self.lines.iter().find(|(scheme, _)| *scheme == url.scheme()) {
            Some((_, Entry::Built(backend))) => Ok(*backend),
            Some((_, Entry::Without(feature))) => Err(url.missing_feature(feature)),
            None => Err(url.unknown_scheme(self.noun, &self.schemes())),
        }
    }

    /// Every scheme of the list, whether this build has it or not.
    pub fn schemes(&self) -> Vec<&'static str> {
        self.lines.iter().map(|(scheme, _)| *scheme).collect()
    }
}

/// The entry of a backend that is in builds with a feature only.
macro_rules! built_with {
    ($feature:literal, $backend:expr) => {{
        #[cfg(feature = $feature)]
        {
            $crate::registry::Entry::Built(&$backend)
        }
        #[cfg(not(feature = $feature))]
        {
            $crate::registry::Entry::Without($feature)
        }
    }};
}
pub(crate) use built_with;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_scheme_is_found_or_told_with_what_there_is() {
        let list: Registry<str> = Registry {
            noun: "thing",
            lines: &[("here", Entry::Built("it")), ("away", Entry::Without("more"))],
        };
        let find = |text: &str| list.find(&Location::parse(text).unwrap());
        assert_eq!(find("here:x").unwrap(), "it");
        let away = find("away:x").unwrap_err();
        assert_eq!(away.kind(), Kind::Configuration);
        assert!(away.to_string().contains("--features more"), "{away}");
        let unknown = find("else:x").unwrap_err();
        assert_eq!(unknown.kind(), Kind::Usage);
        assert!(unknown.to_string().contains("a thing is one of `here`, `away`"), "{unknown}");
    }
}
