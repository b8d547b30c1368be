//! `queue serve` as a process.

use crate::support::process::{End, Process};
use crate::support::sandbox::{Program, Sandbox};
use nix::sys::signal::Signal;
use std::net::SocketAddr;

/// What it says once it listens.
const LISTENING: &str = "listening on http://";

/// A server of the queues in `q.db` that runs until it is stopped.
pub struct Serving {
    pub process: Process,
    pub address: SocketAddr,
}

impl Serving {
    /// Starts one on a free port of loopback, with these arguments besides.
    #[track_caller]
    pub fn start(sandbox: &Sandbox, arguments: &str) -> Self {
        Self::start_as(
            sandbox.queue().args("serve sqlite:q.db --listen 127.0.0.1:0").args(arguments),
        )
    }

    /// Starts a server, and waits until it listens.
    #[track_caller]
    pub fn start_as(program: Program) -> Self {
        let mut process = Process::start(program, String::new(), false);
        process.wait_until("it listens", |it| address(&it.said()).is_some());
        let address = address(&process.said()).expect("it listens");
        Self { process, address }
    }

    /// Where it is found by HTTP, with a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Has it finish, and waits for its end.
    pub fn stop(mut self) -> End {
        self.process.signal(Signal::SIGTERM);
        self.process.end()
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(mut self) -> End {
        self.process.signal(Signal::SIGKILL);
        self.process.end()
    }
}

/// The address in what it said, once the line is whole.
fn address(said: &str) -> Option<SocketAddr> {
    let (_, rest) = said.split_once(LISTENING)?;
    rest.split_once('\n')?.0.trim().parse().ok()
}
