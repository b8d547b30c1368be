//! A message that breaks the connection each time.

use super::Proxy;
use super::interceptor::{Action, Interceptor};

/// A proxy that hangs up on a client that says the marker, before the server hears it.
pub fn proxy(target: &str, marker: &'static str) -> Proxy {
    Proxy::with(target, move || Box::new(Poison { marker: marker.as_bytes(), seen: Vec::new() }))
}

struct Poison {
    marker: &'static [u8],
    /// The end of what was said: the marker may lie across two pieces.
    seen: Vec<u8>,
}

impl Interceptor for Poison {
    fn hear(&mut self, said: &[u8]) -> Vec<Action> {
        self.seen.extend_from_slice(said);
        if self.seen.windows(self.marker.len()).any(|window| window == self.marker) {
            return vec![Action::HangUp];
        }
        self.seen.drain(..self.seen.len().saturating_sub(self.marker.len()));
        vec![Action::Pass(said.to_vec())]
    }
}
