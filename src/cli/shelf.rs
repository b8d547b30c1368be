//! The shelves as the command line knows them: which schemes there are, and which parameters.

use crate::queues::{Backend, QUEUES, Side};
use crate::readings::STORES;
use crate::registry::{Entry, Registry};
use crate::sinks::{SINKS, legacy};
use crate::sources::SOURCES;

/// What stands at an end of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    Sources,
    /// Queues, as those that publish or receive have them.
    Queues(Side),
    Sinks,
    /// Sinks that are read back.
    Stores,
}

impl Shelf {
    /// The schemes, whether this build has them or not. What lives in one process only is none that
    /// anybody types.
    pub(super) fn schemes(self) -> Vec<&'static str> {
        match self {
            Self::Sources => SOURCES.schemes(),
            Self::Queues(_) => {
                let typed = |entry: &Entry<dyn Backend>| match entry {
                    Entry::Built(queue) => !queue.is_in_process(),
                    Entry::Without(_) => true,
                };
                let typed = QUEUES.lines.iter().filter(|(_, entry)| typed(entry));
                typed.map(|(scheme, _)| *scheme).collect()
            }
            Self::Sinks => SINKS.schemes(),
            Self::Stores => STORES.schemes(),
        }
    }

    /// The parameters of a scheme's URLs; `None` where this build does not have it.
    pub(super) fn parameters(self, scheme: &str) -> Option<Vec<&'static str>> {
        match self {
            Self::Sources => Some(built(&SOURCES, scheme)?.parameters()),
            Self::Queues(side) => Some(built(&QUEUES, scheme)?.parameters(side)),
            Self::Sinks | Self::Stores => {
                Some([built(&SINKS, scheme)?.parameters(), legacy::PARAMETERS.into()].concat())
            }
        }
    }

    /// Whether a path stands behind a scheme.
    pub(super) fn has_path(self, scheme: &str) -> bool {
        match self {
            Self::Sources => built(&SOURCES, scheme).is_some_and(|it| it.has_path()),
            Self::Queues(_) => built(&QUEUES, scheme).is_some_and(|it| it.has_path()),
            Self::Sinks | Self::Stores => built(&SINKS, scheme).is_some_and(|it| it.has_path()),
        }
    }

    /// Whether the URL of a queue stands behind a scheme.
    pub(super) fn has_queue(self, scheme: &str) -> bool {
        self == Self::Sinks && built(&SINKS, scheme).is_some_and(|it| it.is_a_queue())
    }
}

fn built<B: ?Sized>(registry: &Registry<B>, wanted: &str) -> Option<&'static B> {
    registry.lines.iter().find_map(|(scheme, entry)| match entry {
        Entry::Built(backend) if *scheme == wanted => Some(*backend),
        _ => None,
    })
}
