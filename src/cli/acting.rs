//! Programs with actions, `queue` and `store`: one action is run, beside the signals.

use super::{Context, Program};
use crate::descriptors::Standard;
use crate::error::{Error, Kind, Result};
use std::cell::Cell;

/// Runs an action. A signal ends it at once, unless it has said by `finishes` that it ends by itself:
/// then what it has begun is written as a whole, given back, or told.
///
/// # Errors
/// Those of the action; and where stdout is closed, before anything is done: whoever cannot be told what
/// was done is not to have it done.
pub(super) async fn act(
    context: &Context,
    finishes: &Cell<bool>,
    action: impl Future<Output = Result<()>>,
) -> Result<()> {
    Standard::Output.expect_open()?;
    let stopped = async {
        context.signals.shutdown().await;
        if finishes.get() {
            std::future::pending().await
        }
    };
    tokio::select! {
        result = action => result,
        () = stopped => Ok(()),
    }
}

/// The error where no action was named.
pub(super) fn nothing_to_do<P: Program>() -> Error {
    Error::new(Kind::Usage, "there is nothing to do")
        .hint(format!("`{} --help` lists what there is", P::NAME))
}
