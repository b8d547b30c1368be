//! A server that speaks HTTP to whoever may: where it listens, who is let in, how much and how long
//! a client may take, and how it stops. What it serves it does not know.
//!
//! Nobody is let in by mistake: beyond this machine only with a token, under names that were given,
//! and from no page of somebody else. Whatever a client can make long or large has a bound, and a
//! client that stalls has a connection only as long as nobody else needs it.

mod access;
mod address;
mod body;
mod connection;
mod connections;
mod descriptors;
mod guard;
mod gunzip;
mod names;
mod observe;
mod origin;
mod refusal;
mod room;
mod serving;
mod token;

pub use guard::Guard;
pub use observe::{Answered, Observer, observed};
pub use refusal::{ErrorFormat, Refusal, plain};
pub use token::Token;

use crate::error::{Error, Kind, Result};
use access::Access;
use axum::Router;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Where to listen, and to whom.
#[derive(Debug, Clone)]
pub struct Options {
    /// `ADDRESS:PORT` or `NAME:PORT`; port 0 is any that is free.
    pub listen: String,
    /// The names under which the server is reached, besides its address and `localhost`.
    pub hosts: Vec<String>,
    /// What each client has to show.
    pub token: Option<Token>,
    /// How much and how long a client may take.
    pub limits: Limits,
    /// What these options are called where they are given.
    pub words: Words,
}

/// What a server's options are called where they are given, for the hints of errors.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// The option that says where to listen.
    pub listen: &'static str,
    /// The option that names the token's file, with an example of its value.
    pub token: &'static str,
    /// What stands before one more name of the server.
    pub host: &'static str,
}

/// How much and how long a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many connections are open at once; another one is let in for the one that has kept the
    /// server waiting the longest, or waits while all are being served.
    pub connections: usize,
    /// How long the head of a request may take, and the pause before the next one of a connection.
    pub head_time: Duration,
    /// How long the body of a request may take.
    pub body_time: Duration,
    /// How many bytes the body of a request has at most, as it travels and after gunzip.
    pub body_bytes: usize,
    /// How many bytes all bodies have together that are larger than 64 KiB; while there are that many,
    /// another one is refused for now.
    pub large_bodies_bytes: usize,
    /// How long a client may take nothing of its answer.
    pub answer_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            head_time: Duration::from_secs(30),
            body_time: Duration::from_secs(60),
            body_bytes: 4 << 20,
            large_bodies_bytes: 64 << 20,
            answer_time: Duration::from_secs(30),
        }
    }
}

/// A server that has its address and serves nobody yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    access: Arc<Access>,
    limits: Limits,
    stopping: CancellationToken,
}

impl Server {
    /// Takes the address; clients that connect wait until [`serve`](Self::serve).
    ///
    /// # Errors
    /// `Configuration` where the address is none of this machine, where it can be reached from
    /// elsewhere and there is no token, and where it stands for all addresses and no name is given;
    /// `Unreachable` where another program has it; `Usage` where a name is none.
    pub async fn bind(options: Options) -> Result<Self> {
        let Options { listen, hosts, token, limits, words } = options;
        let addresses = address::resolve(&listen).await?;
        for address in &addresses {
            address::may_listen(*address, token.is_some(), !hosts.is_empty(), words)?;
        }
        let listener = address::bind(&listen, &addresses, words).await?;
        let address = listener
            .local_addr()
            .map_err(|cause| Error::new(Kind::Failed, "cannot listen").because(cause))?;
        let access = Arc::new(Access::new(address.ip(), &listen, &hosts, token, words)?);
        Ok(Self { listener, address, access, limits, stopping: CancellationToken::new() })
    }

    /// Where it listens, with the port that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What lets requests in.
    pub fn guard(&self) -> Guard {
        Guard::new(self.access.clone(), self.limits, self.address.port())
    }

    /// Cancelled when the server stops: a request that waits for something then answers without it.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Serves until `stop`; then no connection is taken any more, and the requests that are being
    /// served are finished within the grace. What is not is cut off.
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()>, grace: Duration) {
        self.serve_until(router, stop, async move { tokio::time::sleep(grace).await }).await;
    }

    /// Serves until `stop`, as [`serve`](Self::serve) does, and finishes what is being served until
    /// `cut`, which nobody looks at before.
    pub async fn serve_until(
        self,
        router: Router,
        stop: impl Future<Output = ()>,
        cut: impl Future<Output = ()>,
    ) {
        serving::serve(self, router, stop, cut).await;
    }
}
