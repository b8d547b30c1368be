//! What becomes of a message whose id is stored with other content: a sink's parameter `conflict`.

use crate::error::Result;
use crate::location::Location;

/// What becomes of a message whose id is stored with other content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Conflict {
    /// The message is refused.
    #[default]
    Reject,
    /// What is stored stays, and the message counts as a duplicate.
    Keep,
    /// The message's content takes its place.
    Replace,
}

impl Conflict {
    /// Takes `conflict=keep` or `conflict=replace` out of a URL.
    ///
    /// # Errors
    /// `Usage` where it is another word.
    pub fn take(url: &mut Location) -> Result<Self> {
        let words = [("keep", Self::Keep), ("replace", Self::Replace)];
        match url.choice("conflict", &words) {
            Ok(conflict) => Ok(conflict.unwrap_or_default()),
            Err(error) => Err(error.hint(
                "`conflict=keep` leaves what is stored, `conflict=replace` puts the new one in its \
                 place; without it the message is refused",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_is_refused_unless_the_url_says_otherwise() {
        let take = |query: &str| Conflict::take(&mut Location::parse(query).unwrap());
        assert_eq!(take("sqlite:x").unwrap(), Conflict::Reject);
        assert_eq!(take("sqlite:x?conflict=keep").unwrap(), Conflict::Keep);
        assert_eq!(take("sqlite:x?conflict=replace").unwrap(), Conflict::Replace);
        let error = take("sqlite:x?conflict=merge").unwrap_err();
        assert!(
            error.to_string().starts_with("`conflict=merge` is unknown\n  hint: `conflict=keep`")
        );
    }
}
