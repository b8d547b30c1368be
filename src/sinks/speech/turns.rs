//! One at a time for each key: of two messages that mean one object, the second finds it there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// The keys that are being worked on.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, Arc<Turn<()>>>>);

impl Turns {
    /// Waits until nobody else works on this key.
    pub(super) async fn wait(&self, key: &str) -> OwnedMutexGuard<()> {
        self.of(key).lock_owned().await
    }

    fn of(&self, key: &str) -> Arc<Turn<()>> {
        let mut turns = self.0.lock().expect("no holder panics");
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        turns.entry(key.to_owned()).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn one_key_waits_and_others_do_not() {
        let turns = Turns::default();
        let first = turns.wait("a").await;
        assert!(turns.wait("a").now_or_never().is_none());
        let other = turns.wait("b").now_or_never().expect("nobody works on it");
        drop((first, other));
        assert!(turns.wait("a").now_or_never().is_some());
        assert_eq!(turns.0.lock().unwrap().len(), 1, "what is done is forgotten");
    }
}
