//! A look at a store, before anything is put there.

use super::{Answer, Store};
use crate::preflight::Finding;

impl Store {
    /// Whether files can be put there, as far as a look tells.
    pub async fn preflight(&self) -> Finding {
        match self.ping().await {
            Ok(Answer::Yes) => Finding::ok(format!("the store `{self}` answers")),
            Ok(Answer::Guarded) => Finding::unknown(format!(
                "the store `{self}` answers, and does not say what it holds"
            ))
            .hint("whether files may be put there shows with the first one"),
            Err(failure) => {
                Finding::of(&self.error(format!("the store `{self}` cannot be used"), &failure))
            }
        }
    }
}
