//! Work that stays in one thread.

use crate::error::{Error, Kind, Result};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

/// Does work whose future cannot move between threads: looks by receiving are such. It goes on to its
/// end, and gives back what it received, though nobody waits for it any more.
///
/// # Errors
/// The work's own; `Bug` where it panicked.
pub(super) async fn in_one_thread<T, F>(work: impl FnOnce() -> F + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>>,
{
    let runtime = Handle::current();
    let done = spawn_blocking(move || runtime.block_on(work())).await;
    done.unwrap_or_else(|cause| Err(Error::new(Kind::Bug, "the work ended early").because(cause)))
}
