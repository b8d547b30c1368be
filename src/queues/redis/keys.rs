//! The names of gocraft/work's keys.

/// How the key of an in-progress list ends.
const IN_PROGRESS: &str = ":inprogress";

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

    /// What failed and waits for its next attempt: the score is its unix second.
    pub(super) fn retry(&self) -> String {
        format!("{}retry", self.prefix)
    }

    /// What was given up: the score is the unix second of that.
    pub(super) fn dead(&self) -> String {
        format!("{}dead", self.prefix)
    }

    /// The list of what a pool has taken of a job and not settled: exactly the bytes that it took.
    pub(super) fn in_progress(&self, job: &str, pool: &str) -> String {
        format!("{}jobs:{job}:{pool}{IN_PROGRESS}", self.prefix)
    }

    /// The job and the pool of an in-progress list; `None` where a key is none.
    pub(super) fn of_in_progress<'k>(&self, key: &'k str) -> Option<(&'k str, &'k str)> {
        let rest = key.strip_prefix(&self.prefix)?.strip_prefix("jobs:")?;
        rest.strip_suffix(IN_PROGRESS)?.rsplit_once(':')
    }

    /// What the keys of all in-progress lists look like, for `SCAN`.
    pub(super) fn in_progress_pattern(&self) -> String {
        let mut pattern = String::new();
        for char in self.prefix.chars() {
            if matches!(char, '*' | '?' | '[' | ']' | '^' | '\\') {
                pattern.push('\\');
            }
            pattern.push(char);
        }
        pattern + "jobs:*" + IN_PROGRESS
    }

    /// Whether a job is paused: it is while this key exists, whatever it holds.
    pub(super) fn paused(&self, job: &str) -> String {
        format!("{}jobs:{job}:paused", self.prefix)
    }

    /// How many of a job are in progress, over all pools.
    pub(super) fn lock(&self, job: &str) -> String {
        format!("{}jobs:{job}:lock", self.prefix)
    }

    /// Each pool's part of that number.
    pub(super) fn lock_info(&self, job: &str) -> String {
        format!("{}jobs:{job}:lock_info", self.prefix)
    }

    /// How many of a job may be in progress; 0 or no key: any number.
    pub(super) fn max_concurrency(&self, job: &str) -> String {
        format!("{}jobs:{job}:max_concurrency", self.prefix)
    }

    /// The ids of the pools that live.
    pub(super) fn worker_pools(&self) -> String {
        format!("{}worker_pools", self.prefix)
    }

    /// A pool's heartbeat.
    pub(super) fn worker_pool(&self, pool: &str) -> String {
        format!("{}worker_pools:{pool}", self.prefix)
    }

    /// What a worker does.
    pub(super) fn worker(&self, worker: &str) -> String {
        format!("{}worker:{worker}", self.prefix)
    }

    /// The unix second at which somebody last looked what the clock enqueues.
    pub(super) fn last_periodic_enqueue(&self) -> String {
        format!("{}last_periodic_enqueue", self.prefix)
    }

    /// What every unique key begins with.
    pub(super) fn unique_prefix(&self) -> String {
        format!("{}unique:", self.prefix)
    }

    /// Who takes jobs from pools that died: one pool at a time.
    pub(super) fn reaper_lock(&self) -> String {
        format!("{}reaper_lock", self.prefix)
    }

    /// Ours: a list of what could not be read among the ready ones of a job, moved aside as it was.
    pub(super) fn poison_of_job(&self, job: &str) -> String {
        format!("{}kakehi:poison:jobs:{job}", self.prefix)
    }

    /// Ours: a list of what could not be read in `retry`, moved aside as it was.
    pub(super) fn poison_of_retry(&self) -> String {
        format!("{}kakehi:poison:retry", self.prefix)
    }

    /// Ours: a list of what could not be read in `scheduled`, moved aside as it was.
    pub(super) fn poison_of_scheduled(&self) -> String {
        format!("{}kakehi:poison:scheduled", self.prefix)
    }

    /// Ours: the entries of the clock that are paused, a set of `JOB:SPEC`.
    pub(super) fn paused_periodic(&self) -> String {
        format!("{}kakehi:paused_periodic", self.prefix)
    }

    /// Ours: what a pool works on, by the batch.
    pub(super) fn begun(&self, pool: &str) -> String {
        format!("{}kakehi:begun:{pool}", self.prefix)
    }

    /// Ours: how often a job was taken from a pool that died while it worked on it, by its digest.
    pub(super) fn reaped(&self) -> String {
        format!("{}kakehi:reaped", self.prefix)
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

    #[test]
    fn an_in_progress_list_tells_its_job_and_its_pool() {
        let keys = Keys::of("gv");
        let key = keys.in_progress("a:b", "17");
        assert_eq!(key, "gv:jobs:a:b:17:inprogress");
        assert_eq!(keys.of_in_progress(&key), Some(("a:b", "17")));
        for other in ["gv:jobs:a", "xx:jobs:a:17:inprogress", "gv:jobs:inprogress", "gv:retry"] {
            assert_eq!(keys.of_in_progress(other), None, "{other}");
        }
    }
}
