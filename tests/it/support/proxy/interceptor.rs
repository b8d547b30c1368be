//! What a proxy may do with what a client says, besides passing it on.

/// Hears everything that a client says on one connection, in its order.
pub trait Interceptor: Send {
    /// What becomes of these bytes. They are whatever came in one piece, not a message.
    fn hear(&mut self, said: &[u8]) -> Vec<Action>;
}

/// A step that the proxy takes.
pub enum Action {
    /// The server gets these bytes.
    Pass(Vec<u8>),
    /// The client gets these bytes, as if the server had sent them.
    Answer(Vec<u8>),
    /// Both sides are hung up on.
    HangUp,
}

/// Passes everything on.
pub struct Pass;

impl Interceptor for Pass {
    fn hear(&mut self, said: &[u8]) -> Vec<Action> {
        vec![Action::Pass(said.to_vec())]
    }
}
