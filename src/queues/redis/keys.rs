//! The names of gocraft/work's keys.

/// The keys of one namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    /// The keys of a namespace, which may be empty.
    pub(super) fn of(namespace: &str) -> Self {
        let colon = if namespace.is_empty() || namespace.ends_with(':') { "" } else { ":" };
        Self { prefix: format!("{namespace}{colon}") }
    }

    /// What every key begins with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The names of all jobs that were ever enqueued.
    pub(super) fn known_jobs(&self) -> String {
        format!("{}known_jobs", self.prefix)
    }

    /// The list of a job's ready ones: published at its left, taken from its right.
    pub(super) fn ready(&self, job: &str) -> String {
        format!("{}jobs:{job}", self.prefix)
    }

    /// What is due by time: the score is the unix second.
    pub(super) fn scheduled(&self) -> String {
        format!("{}scheduled", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_stands_between_namespace_and_key_once() {
        for (namespace, key) in [
            ("work", "work:scheduled"),
            ("a:", "a:scheduled"),
            ("", "scheduled"),
            ("{a}", "{a}:scheduled"),
        ] {
            assert_eq!(Keys::of(namespace).scheduled(), key);
        }
        assert_eq!(Keys::of("gv").ready("send_email"), "gv:jobs:send_email");
    }
}
