//! A TCP proxy that breaks on command: between a program and a real server, it plays the outage.
//! What is special about one stands in an interceptor, which hears what clients say.

mod forward;
mod interceptor;
pub mod poison;
pub mod stepdown;
mod switch;
mod tests;

use interceptor::{Interceptor, Pass};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use switch::{Mode, Switch};

/// Forwards `address()` to the target until it is told otherwise. Runs on threads of its own, so
/// that tests of both kinds, blocking and async, can use it. Ends when it goes out of scope.
pub struct Proxy {
    address: SocketAddr,
    switch: Arc<Switch>,
    acceptor: Option<JoinHandle<()>>,
}

/// Makes an interceptor for each connection.
type Intercept = dyn Fn() -> Box<dyn Interceptor> + Send;

/// What the client says, or what the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Request,
    Answer,
}

impl Proxy {
    /// Starts in front of `target`, a `host:port`, and passes everything on.
    pub fn start(target: &str) -> Self {
        Self::with(target, || Box::new(Pass))
    }

    /// Starts in front of `target` with an interceptor on each connection.
    fn with(target: &str, intercept: impl Fn() -> Box<dyn Interceptor> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let switch = Arc::new(Switch::default());
        let acceptor = thread::spawn({
            let (switch, target) = (switch.clone(), target.to_owned());
            move || forward::accept(&listener, &target, &switch, &intercept)
        });
        Self { address, switch, acceptor: Some(acceptor) }
    }

    /// `host:port` to connect to instead of the target.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Closes every connection, and each new one at once.
    pub fn cut(&self) {
        self.switch.turn(Mode::Cut);
    }

    /// Keeps connections, and takes new ones, but lets nothing through: neither side hears of it.
    pub fn stall(&self) {
        self.switch.turn(Mode::Stall);
    }

    /// Lets requests through and holds their answers back: the server does what it is told, and
    /// nobody learns of it. A `cut` after it loses the answers for good.
    pub fn mute(&self) {
        self.switch.turn(Mode::Mute);
    }

    /// Lets so many more bytes through this way, over all connections, and then cuts.
    pub fn cut_after(&self, way: Way, bytes: usize) {
        self.switch.state().budget = Some((way, bytes));
    }

    /// Tells every client that the server says nothing more, and goes on listening to it.
    pub fn half_close(&self) {
        for [client, _] in &self.switch.state().sockets {
            let _ = client.shutdown(Shutdown::Write);
        }
    }

    /// Lets everything through, so much later each way.
    pub fn delay(&self, delay: Duration) {
        self.switch.state().delay = delay;
    }

    /// Whether it is cut, by us or by a number of bytes.
    pub fn is_cut(&self) -> bool {
        self.switch.state().mode == Mode::Cut
    }

    /// How many connections it has refused: somebody has noticed that it is cut.
    pub fn refused(&self) -> usize {
        self.switch.state().refused
    }

    /// Lets everything through again, at once and without end; what was held back, too.
    pub fn restore(&self) {
        let mut state = self.switch.state();
        (state.delay, state.budget) = (Duration::ZERO, None);
        drop(state);
        self.switch.turn(Mode::Pass);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.switch.turn(Mode::End);
        // Wakes the acceptor, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}
