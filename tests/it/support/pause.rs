//! How often to look for what is waited for.

use std::time::Duration;

/// The shortest pause between two looks.
const SHORTEST: Duration = Duration::from_millis(5);
/// The longest one, where a look costs little.
pub const LONGEST: Duration = Duration::from_millis(50);

/// How long to pause after so long a time: what has been waited for long is looked for less often, since a
/// look may cost something.
pub fn after(waited: Duration, longest: Duration) -> Duration {
    (waited / 10).clamp(SHORTEST, longest)
}
