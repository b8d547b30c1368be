//! Where the dead letters of a run have gone, for whoever looks for them.

use crate::hint;
use crate::location::Location;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many letters each of the places has taken.
#[derive(Debug, Default)]
pub(super) struct Whereabouts {
    published: AtomicUsize,
    spooled: AtomicUsize,
}

impl Whereabouts {
    /// The queue of dead letters has taken so many.
    pub(super) fn published(&self, letters: usize) {
        self.published.fetch_add(letters, Ordering::Relaxed);
    }

    /// The spool has taken so many.
    pub(super) fn spooled(&self, letters: usize) {
        self.spooled.fetch_add(letters, Ordering::Relaxed);
    }

    /// Where a person finds them, as the end of a clause: those of the queue `from` go to the queue
    /// `dead`, else into the queue `spool`, and stay in `from` where there is no `dead`.
    pub(super) fn look(&self, dead: Option<&str>, spool: Option<&str>, from: &str) -> String {
        let Some(dead) = dead.map(Location::parse) else {
            return match Location::parse(from) {
                Ok(from) => format!(", see {}", list(&from.to_string())),
                Err(_) => String::new(),
            };
        };
        let dead = dead.map(|url| format!(" in `{url}`")).unwrap_or_default();
        let spool = spool.map(|url| format!(" in the spool, see {}", list(url)));
        let spool = spool.unwrap_or_default();
        let load = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        match (load(&self.published), load(&self.spooled)) {
            (_, 0) => dead,
            (0, _) => spool,
            (published, spooled) => format!(": {published}{dead}, and {spooled}{spool}"),
        }
    }
}

/// The command that shows the dead letters of a queue.
pub(super) fn list(url: &str) -> String {
    hint::command(["queue", "dead", "list", url])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_are_named_that_have_taken_something() {
        let look = |published, spooled| {
            let whereabouts = Whereabouts::default();
            whereabouts.published(published);
            whereabouts.spooled(spooled);
            whereabouts.look(Some("memory:d"), Some("sqlite:s.db?queue=q"), "memory:q")
        };
        assert_eq!(look(2, 0), " in `memory:d`");
        assert_eq!(look(0, 2), " in the spool, see `queue dead list 'sqlite:s.db?queue=q'`");
        assert_eq!(
            look(1, 2),
            ": 1 in `memory:d`, and 2 in the spool, see `queue dead list 'sqlite:s.db?queue=q'`"
        );
        let own = Whereabouts::default().look(None, None, "sqlite:q.db?queue=a");
        assert_eq!(own, ", see `queue dead list 'sqlite:q.db?queue=a'`");
    }
}
