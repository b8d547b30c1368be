//! What makes speech of a text: the trait, and why there may be none.

use crate::error::Result;
use crate::sinks::Outcome;
use async_trait::async_trait;
use bytes::Bytes;
use std::time::Duration;

/// Makes speech of texts.
#[async_trait]
pub(super) trait Engine: Send + Sync {
    /// Looks whether the engine answers and knows the voice; nothing is spoken.
    async fn ping(&self) -> Result<()>;

    /// Speaks a text, whole; the sound may be empty.
    async fn speak(&self, text: &str) -> Result<Bytes, Unspoken>;

    /// Ends what the engine has started.
    async fn close(&self) {}
}

/// Why a text was not spoken. Nothing of the text is in the reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unspoken {
    /// The engine will never speak this text.
    Refused(String),
    /// The engine failed, and this text may have to do with it.
    Failed(String),
    /// The engine refuses whoever asks.
    Denied(String),
    /// The engine speaks nothing now; how long it asked to wait, where it did.
    Busy(String, Option<Duration>),
    /// There was no answer.
    Lost(String),
}

impl Unspoken {
    /// What becomes of the message.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Refused(why) => Outcome::Reject(why),
            Self::Failed(why) => Outcome::Retry(why),
            Self::Denied(why) => Outcome::Denied(why),
            Self::Busy(why, Some(wait)) => Outcome::Throttled { why, wait },
            Self::Busy(why, None) => Outcome::Unavailable(why),
            Self::Lost(why) => Outcome::ConnectionLost(why),
        }
    }
}
