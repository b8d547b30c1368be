//! The scripts, each of which keeps its invariant by itself: what it changes is changed at once.

use redis::Script;
use std::sync::LazyLock;

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        $($(#[$doc])* pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!(concat!("scripts/", $file, ".lua"))));)*
    };
}

scripts! {
    /// Notes what a pool works on, and frees unique keys.
    BEGUN = "begun";
    /// Forgets members of a set, and frees unique keys.
    DROP = "drop";
    /// Takes jobs for a pool.
    FETCH = "fetch";
    /// Forgets a pool that died.
    FORGET_POOL = "forget_pool";
    /// Looks for in-progress lists.
    IN_PROGRESS_KEYS = "in_progress_keys";
    /// Gives back all that a pool has.
    LEAVE = "leave";
    /// Moves what is due into its ready lists.
    MOVE = "move";
    /// Looks at members of a set behind one of them.
    PAGE = "page";
    /// Removes the oldest jobs of a list, and frees unique keys.
    PURGE = "purge";
    /// Moves members of a set back to their ready lists.
    PUT_BACK = "put_back";
    /// Takes jobs from a pool that died.
    REAP = "reap";
    /// Makes each lock the sum of its parts.
    REPAIR_LOCKS = "repair_locks";
    /// Carries out verdicts.
    SETTLE = "settle";
    /// Releases a lock of our own.
    UNLOCK = "unlock";
}
