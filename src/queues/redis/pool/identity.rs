//! Who a pool is: ids as gocraft/work makes them, and where it runs.

use crate::text;

/// A pool of workers, from its start to its end.
#[derive(Debug, Clone)]
pub(in crate::queues::redis) struct PoolIdentity {
    /// 24 hexadecimal digits.
    pub(in crate::queues::redis) id: String,
    /// The ids of its workers, sorted: as many as there are writes at once.
    pub(in crate::queues::redis) workers: Vec<String>,
    pub(in crate::queues::redis) host: String,
    pub(in crate::queues::redis) pid: u32,
    /// In unix seconds.
    pub(in crate::queues::redis) started_at: i64,
}

impl PoolIdentity {
    /// A new pool of so many workers, which starts at this unix second.
    pub(in crate::queues::redis) fn new(workers: usize, started_at: i64) -> Self {
        let mut workers: Vec<_> = (0..workers.max(1)).map(|_| random_id()).collect();
        workers.sort();
        Self { id: random_id(), workers, host: host(), pid: std::process::id(), started_at }
    }
}

/// 12 random bytes in hexadecimal digits.
pub(in crate::queues::redis) fn random_id() -> String {
    let bytes: [u8; 12] = std::array::from_fn(|_| fastrand::u8(..));
    text::hex(bytes)
}

/// The machine's name; one without a name is called so, since workwebui hides a pool that has none.
fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_24_digits_and_are_never_the_same() {
        let (one, other) = (PoolIdentity::new(3, 0), PoolIdentity::new(0, 0));
        assert_eq!((one.id.len(), one.workers.len(), other.workers.len()), (24, 3, 1));
        assert!(one.id != other.id && one.workers.is_sorted() && !one.host.is_empty());
    }
}
