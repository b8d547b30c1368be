//! Which messages failed in this run and wait for a later one.

use crate::attempts::Ended;
use crate::error::{Error, Kind};
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

/// How many are told apart, by a digest; beyond them it is only counted.
const TOLD_APART: usize = 65_536;

/// The messages that failed and have not been settled since.
#[derive(Default)]
pub(super) struct Later {
    hasher: RandomState,
    failed: HashSet<u64>,
    beyond: usize,
    /// Why the last one failed.
    why: Option<String>,
}

impl Later {
    /// This became of some attempts, and why one of them failed.
    pub(super) fn note(&mut self, ended: &[(String, Ended)], why: Option<String>) {
        self.why = why.or(self.why.take());
        for (id, ended) in ended {
            if *ended == Ended::Settled && self.failed.is_empty() {
                continue;
            }
            let digest = self.hasher.hash_one(id);
            match ended {
                Ended::Failed if self.failed.len() < TOLD_APART => {
                    self.failed.insert(digest);
                }
                Ended::Failed if !self.failed.contains(&digest) => self.beyond += 1,
                Ended::Settled => {
                    self.failed.remove(&digest);
                }
                Ended::Failed | Ended::Released => {}
            }
        }
    }

    /// How many wait. Where they were too many to be told apart, it counts a message that failed
    /// twice as two.
    pub(super) fn count(&self) -> usize {
        self.failed.len() + self.beyond
    }

    /// The error of a run that leaves some; `None` where it leaves none.
    pub(super) fn error(&self) -> Option<Error> {
        let what = match self.count() {
            0 => return None,
            1 => "a message failed, and waits for a later run".to_owned(),
            count => format!("{count} messages failed, and wait for a later run"),
        };
        let error = Error::new(Kind::Spooled, what).hint(
            "nothing is lost: each is tried again by a run that comes when its pause is over",
        );
        Some(match &self.why {
            Some(why) => error.because_of(why),
            None => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(id: &str, ended: Ended) -> [(String, Ended); 1] {
        [(id.to_owned(), ended)]
    }

    #[test]
    fn what_failed_waits_until_it_is_settled() {
        let mut later = Later::default();
        let mut note = |id, what, why: Option<&str>| {
            later.note(&ended(id, what), why.map(str::to_owned));
            (later.count(), later.error().map(|error| error.one_line()))
        };
        let waits = |why| Some(format!("a message failed, and waits for a later run: {why}"));
        assert_eq!(note("a", Ended::Failed, Some("busy")), (1, waits("busy")));
        assert_eq!(note("a", Ended::Failed, Some("slow")), (1, waits("slow")));
        assert_eq!(note("b", Ended::Released, None), (1, waits("slow")));
        assert_eq!(note("a", Ended::Released, None), (1, waits("slow")), "given back, it waits");
        assert_eq!(note("a", Ended::Settled, None), (0, None));
    }

    #[test]
    fn very_many_are_counted_without_being_remembered() {
        let mut later = Later::default();
        for at in 0..TOLD_APART + 10 {
            later.note(&ended(&at.to_string(), Ended::Failed), None);
        }
        assert_eq!((later.failed.len(), later.count()), (TOLD_APART, TOLD_APART + 10));
    }
}
