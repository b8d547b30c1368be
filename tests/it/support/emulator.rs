//! Names of subscriptions of the Pub/Sub emulator that end with their test.

use crate::support::deletion::Deletion;
use std::fmt;
use std::ops::Deref;

/// A name that no other run has used, for a topic and its subscription, and with `-dead` behind it for
/// those of its dead letters. All of them are deleted when it goes out of scope.
pub struct Name {
    name: String,
    _deletion: Deletion,
}

impl Name {
    /// A fresh name with this beginning, for a subscription of this project.
    pub fn new(project: &str, beginning: &str) -> Self {
        let name = format!("{beginning}{}", uuid::Uuid::now_v7().simple());
        let deletion = Deletion::of_subscription(project, &name);
        Self { name, _deletion: deletion }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
