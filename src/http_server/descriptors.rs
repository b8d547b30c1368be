//! The descriptors that a process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many are kept for all else: files, pipes, and what the system's own libraries open.
const ELSE: u64 = 128;

/// Has the system allow as many descriptors as it takes for so many connections, and gives how many
/// connections that is.
pub(super) fn allow(connections: usize) -> usize {
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(ELSE);
    let now = getrlimit(Resource::Nofile);
    let raised = now.maximum.map_or(wanted, |most| most.min(wanted));
    let mut allowed = now.current.unwrap_or(u64::MAX);
    let new = Rlimit { current: Some(raised), maximum: now.maximum };
    if allowed < raised && setrlimit(Resource::Nofile, new).is_ok() {
        allowed = raised;
    }
    let left = usize::try_from(allowed.saturating_sub(ELSE)).unwrap_or(usize::MAX);
    left.clamp(1, connections.max(1))
}
